import '../styles/board.css';
import { BoardOrder } from '../components/board-row';
import { Page } from '../components/page';
import { SignedIn } from '../components/sign-in';
import { Empty, Failure, Loading } from '../components/states';
import { getFragment } from '../gql';
import { LiveOrder } from '../live/documents';
import { useOrders } from '../live/use-orders';
import { useSession } from '../shared/context';

/** `/board`: everybody's orders, live, for staff. */
export default function Board() {
  return (
    <SignedIn>
      <Page title="Board">
        <ForStaff />
      </Page>
    </SignedIn>
  );
}

function ForStaff() {
  const { session } = useSession();
  if (session?.role === 'STAFF') return <AllOrders />;
  return (
    <Empty title="The board is for staff">
      <p className="hint">Sign in as Staff to see everybody’s orders here.</p>
    </Empty>
  );
}

function AllOrders() {
  const { data, error, loading, more, retry } = useOrders([]);
  if (error && !data) return <Failure error={error} retry={retry} />;
  if (!data) return <Loading what="orders" />;
  const { nodes, pageInfo } = data.orders;
  if (nodes.length === 0) return <Empty title="No orders yet">They appear here the moment they are made.</Empty>;
  return (
    <>
      <div className="card board">
        <table>
          <caption className="visually-hidden">All orders, newest first</caption>
          <thead>
            <tr>
              <th scope="col">Number</th>
              <th scope="col">Customer</th>
              <th scope="col">Order</th>
              <th scope="col">Payment</th>
              <th scope="col" className="number">
                Total
              </th>
              <th scope="col">Changed</th>
              <th scope="col">
                <span className="visually-hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {nodes.map((order) => (
              <BoardOrder key={order.id} order={getFragment(LiveOrder, order)} />
            ))}
          </tbody>
        </table>
      </div>
      {error && <Failure error={error} retry={retry} />}
      {pageInfo.hasNextPage && (
        <button type="button" className="quiet more" disabled={loading} onClick={more}>
          Show more
        </button>
      )}
    </>
  );
}
