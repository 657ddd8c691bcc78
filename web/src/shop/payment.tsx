import { Link, useSearchParams } from 'react-router';
import { NoSuchOrder } from './no-such-order';
import { Actions } from '../order/actions';
import { OrderRow } from '../order/row';
import { Summary } from '../order/summary';
import { Page } from '../shared/page';
import { SignedIn } from '../shared/sign-in';
import { Empty, Failure, Loading } from '../shared/states';
import { Stepper } from '../order/stepper';
import { getFragment } from '../gql';
import { LiveOrder, OrderWithHistory } from '../order/documents';
import { useLiveOrder } from '../order/use-live-order';

/** `/payment?order=…`: the progress of a payment, live. */
export function Payment() {
  const [params] = useSearchParams();
  const id = params.get('order');
  return (
    <SignedIn>
      <Page title="Payment">
        {id ? (
          <LivePayment key={id} id={id} />
        ) : (
          <Empty title="No order selected">
            <Link className="button" to="/order">
              Your orders
            </Link>
          </Empty>
        )}
      </Page>
    </SignedIn>
  );
}

function LivePayment({ id }: { id: string }) {
  const { order, loading, error, interrupted, retry } = useLiveOrder(id);
  if (error) return <Failure error={error} retry={retry} />;
  if (loading) return <Loading what="the payment" />;
  const whole = getFragment(OrderWithHistory, order);
  if (!whole) return <NoSuchOrder />;
  const live = getFragment(LiveOrder, whole);
  const { number } = getFragment(OrderRow, live);
  return (
    <div className="columns">
      <div className="stack">
        {interrupted && <Failure error={interrupted} retry={retry} />}
        <div className="card">
          <p className="payment-of">
            Order{' '}
            <Link to={`/order/${id}`} className="number">
              {number}
            </Link>
          </p>
          <Stepper order={live} events={whole.events.nodes} />
        </div>
        <Actions order={live} />
      </div>
      <Summary order={live} />
    </div>
  );
}
