import { useEffect, useRef, useState } from 'react';
import { Link, useNavigate } from 'react-router';
import { useMutation, useQuery } from 'urql';
import { Page } from '../shared/page';
import { CaptureLater, PaymentMethod, usePaymentMethod } from '../order/payment-method';
import { Price, PriceParts } from '../shared/price';
import { ProductPicture } from '../shared/product-picture';
import { Quantity } from './quantity';
import { SignedIn } from '../shared/sign-in';
import { Empty, Failure, Loading, Refusals } from '../shared/states';
import { getFragment, graphql } from '../gql';
import { useDraft } from '../shared/context';
import { maxQuantity } from '../shared/draft';
import { formatMoney, previewTotal, type MoneyValue } from '../shared/money';

const ChosenQuery = graphql(`
  query Chosen($ids: [ID!]!) {
    nodes(ids: $ids) {
      __typename
      id
      ... on Product {
        id
        name
        image
        archived
        price {
          ...PriceParts
        }
      }
    }
  }
`);

const CreateMutation = graphql(`
  mutation OrderCreate($input: OrderCreateInput!) {
    orderCreate(input: $input) {
      order {
        id
        ...OrderWithHistory
      }
      userErrors {
        field
        message
        code
      }
      currentTotal {
        ...PriceParts
      }
    }
  }
`);

/** `/order/create`: quantities, payment method, total, and the button that places the order. */
export function OrderCreate() {
  return (
    <SignedIn>
      <Page title="Your order">
        <Review />
      </Page>
    </SignedIn>
  );
}

/** A total that the customer is asked to agree to: the server refused the one that the page showed. */
interface NewTotal {
  /** The idempotency key of the order that was refused: the question ends when the customer changes the order. */
  readonly key: string;
  readonly total: MoneyValue;
  readonly before: MoneyValue;
}

/** The next page: its script is loaded while the customer edits the order. */
const nextPage = () => import('./payment');

function Review() {
  const draft = useDraft();
  const navigate = useNavigate();
  useEffect(() => void nextPage().catch(() => undefined), []);
  const { chosen: method } = usePaymentMethod(draft.paymentToken);
  const [ids] = useState(() => Object.keys(draft.items)); // as of arrival, so that editing requests nothing again
  const [{ data, error }, reload] = useQuery({
    query: ChosenQuery,
    variables: { ids },
    pause: ids.length === 0,
    requestPolicy: 'cache-and-network',
  });
  const [{ fetching: sending, data: answer, error: failure }, create] = useMutation(CreateMutation);
  const [newTotal, setNewTotal] = useState<NewTotal | null>(null);

  if (Object.keys(draft.items).length === 0 && !sending) {
    return (
      <Empty title="Your order is empty">
        <Link className="button" to="/">
          Browse products
        </Link>
      </Empty>
    );
  }
  if (error && !data) return <Failure error={error} retry={() => reload({ requestPolicy: 'network-only' })} />;
  if (!data) return <Loading what="prices" />;

  const chosen = data.nodes.flatMap((node) => {
    const quantity = node ? draft.items[node.id] : undefined;
    return node?.__typename === 'Product' && quantity ? [{ ...node, quantity }] : [];
  });
  const unavailable = Object.keys(draft.items).filter((id) => !chosen.some((product) => product.id === id && !product.archived));
  const asked = newTotal?.key === draft.idempotencyKey ? newTotal : null;
  const total = asked?.total ?? previewTotal(chosen.map(({ price, quantity }) => ({ price: getFragment(PriceParts, price), quantity })));

  const submit = async () => {
    if (!method || !total) return;
    const { data: created } = await create({
      input: {
        idempotencyKey: draft.idempotencyKey,
        items: Object.entries(draft.items).map(([productId, quantity]) => ({ productId, quantity })),
        paymentMethod: { token: method.token },
        captureMethod: draft.captureLater ? 'MANUAL' : 'AUTOMATIC',
        expectedTotal: { amountMinor: total.amountMinor, currency: total.currency },
      },
    });
    const current = getFragment(PriceParts, created?.orderCreate.currentTotal);
    if (current) {
      setNewTotal({ key: draft.idempotencyKey, total: current, before: total });
      reload({ requestPolicy: 'network-only' });
    }
    const order = created?.orderCreate.order;
    if (!order) return;
    draft.store.clear();
    void navigate(`/payment?order=${encodeURIComponent(order.id)}`, { replace: true });
  };

  const refusals = (answer?.orderCreate.userErrors ?? []).filter(({ code }) => code !== 'PRICE_CHANGED'); // that one is asked about

  return (
    <form
      className="columns"
      onSubmit={(event) => {
        event.preventDefault();
        if (!asked) void submit();
      }}
    >
      <section className="card" aria-label="Items">
        <ul className="lines">
          {chosen.map((product) => (
            <li key={product.id}>
              <ProductPicture image={product.image} small />
              <span className="line-name">
                {product.name}
                <small>
                  <Price of={product.price} /> each
                  {product.archived && ', no longer sold'}
                </small>
              </span>
              <Quantity of={product.name} value={product.quantity} max={maxQuantity} onChange={(next) => draft.store.setQuantity(product.id, next)} />
            </li>
          ))}
        </ul>
        <p>
          <Link to="/">Add more products</Link>
        </p>
      </section>
      <section className="card side" aria-label="Payment and total">
        <PaymentMethod value={draft.paymentToken} onChange={(token) => draft.store.setPaymentToken(token)} />
        <CaptureLater value={draft.captureLater} onChange={(later) => draft.store.setCaptureLater(later)} />
        {total && (
          <p className="total">
            Total <strong className="price">{formatMoney(total)}</strong>
          </p>
        )}
        {unavailable.length > 0 && (
          <div className="failure" role="alert">
            <p>Your order has products that are no longer sold.</p>
            <button type="button" onClick={() => unavailable.forEach((id) => draft.store.setQuantity(id, 0))}>
              Remove them
            </button>
          </div>
        )}
        {!total && chosen.length > 0 && (
          <p className="failure" role="alert">
            The products are now priced in different currencies. Remove some of them, and order those separately.
          </p>
        )}
        <button type="submit" className="primary" disabled={sending || unavailable.length > 0 || !method || !total || asked !== null}>
          {sending ? 'Ordering…' : asked ? 'The total has changed' : 'Order and pay'}
        </button>
        {asked && <Agreement key={asked.total.amountMinor} of={asked} disabled={sending || unavailable.length > 0 || !method} onAgree={() => void submit()} />}
        {failure && <Failure error={failure} acted />}
        <Refusals errors={refusals} />
        <p className="hint">If the connection is lost, press again: the order is placed only once.</p>
      </section>
    </form>
  );
}

/**
 * Asks whether to order at a total that has changed. It stands below the button that was pressed, which stays where it is and is
 * disabled, so that a second click agrees to nothing. It takes the focus, which that button loses, without scrolling.
 */
function Agreement({ of: { total, before }, disabled, onAgree }: { of: NewTotal; disabled: boolean; onAgree: () => void }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => box.current?.focus({ preventScroll: true }), []);
  return (
    <div className="failure" role="alert" tabIndex={-1} ref={box}>
      <p>
        The total is now {formatMoney(total)}, not {formatMoney(before)}. Nothing is ordered yet.
      </p>
      <button type="button" className="primary" disabled={disabled} onClick={onAgree}>
        Order for {formatMoney(total)}
      </button>
    </div>
  );
}
