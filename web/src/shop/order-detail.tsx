import { Link, useParams } from 'react-router';
import { NoSuchOrder } from './no-such-order';
import { Actions } from '../order/actions';
import { OrderRow } from '../order/row';
import { Summary } from '../order/summary';
import { Page } from '../shared/page';
import { SignedIn } from '../shared/sign-in';
import { Failure, Loading } from '../shared/states';
import { OrderBadge, PaymentBadge } from '../order/status';
import { StatusMessage } from '../order/stepper';
import { Timeline } from '../order/timeline';
import { getFragment } from '../gql';
import { LiveOrder, OrderWithHistory } from '../order/documents';
import { useLiveOrder } from '../order/use-live-order';

/** `/order/:orderId`: one order with its history, live. */
export function OrderDetail() {
  const { orderId = '' } = useParams();
  return (
    <SignedIn>
      <Detail key={orderId} id={orderId} />
    </SignedIn>
  );
}

function Detail({ id }: { id: string }) {
  const { order, loading, error, incomplete, interrupted, retry } = useLiveOrder(id);
  const whole = getFragment(OrderWithHistory, order);
  if (!whole) {
    return (
      <Page title="Order">
        {error ? (
          <Failure error={error} retry={retry} />
        ) : loading ? (
          <Loading what="the order" />
        ) : (
          <NoSuchOrder />
        )}
      </Page>
    );
  }
  const live = getFragment(LiveOrder, whole);
  const { number, status, payment } = getFragment(OrderRow, live);
  return (
    <Page
      title={`Order ${number}`}
      beside={
        <span className="row-state">
          {payment && status === 'CREATED' && <PaymentBadge status={payment.status} named />}
          <OrderBadge status={status} />
        </span>
      }
    >
      <div className="columns">
        <div className="stack">
          {interrupted && <Failure error={interrupted} retry={retry} />}
          <section className="card" aria-labelledby="timeline-title">
            <StatusMessage order={live} />
            <h2 id="timeline-title">History</h2>
            <Timeline events={whole.events.nodes} />
            {incomplete && !interrupted && <Loading what="the rest of the history" />}
          </section>
          <Actions order={live} />
        </div>
        <div className="stack">
          <Summary order={live} />
          <p>
            <Link to={`/payment?order=${encodeURIComponent(id)}`}>Payment progress</Link>
          </p>
        </div>
      </div>
    </Page>
  );
}
