import { Link, useSearchParams } from 'react-router';
import { FilterChip } from '../shared/filter-chip';
import { LoadMore } from '../shared/load-more';
import { Row } from '../order/row';
import { Page } from '../shared/page';
import { SignedIn } from '../shared/sign-in';
import { Empty, Failure, Loading } from '../shared/states';
import { orderStatuses, orderStatusWord } from '../order/status';
import { getFragment } from '../gql';
import type { OrderStatus } from '../gql/graphql';
import { ListedOrder } from '../order/documents';
import { useOrderDocuments } from '../order/order-feed';
import { useOrderList } from '../order/use-order-list';

/** `/order`: the user's orders, newest first, live. */
export function Orders() {
  const [params, setParams] = useSearchParams();
  const chosen = orderStatuses.filter((status) => params.getAll('status').includes(status));
  const toggle = (status: OrderStatus) => {
    const next = chosen.includes(status) ? chosen.filter((other) => other !== status) : [...chosen, status];
    setParams(next.map((value): [string, string] => ['status', value]), { replace: true });
  };
  return (
    <SignedIn>
      <Page title="Orders">
        <div className="filters" role="group" aria-label="Show only">
          {orderStatuses.map((status) => (
            <FilterChip key={status} pressed={chosen.includes(status)} onPress={() => toggle(status)}>
              {orderStatusWord(status)}
            </FilterChip>
          ))}
        </div>
        <OrderList key={chosen.join()} statuses={orderStatuses.filter((status) => chosen.includes(status))} />
      </Page>
    </SignedIn>
  );
}

function OrderList({ statuses }: { statuses: OrderStatus[] }) {
  const { data, error, loading, more, retry } = useOrderList(useOrderDocuments().list, statuses);
  if (error && !data) return <Failure error={error} retry={retry} />;
  if (!data) return <Loading what="orders" />;
  const { nodes, pageInfo } = data.orders;
  if (nodes.length === 0 && !pageInfo.hasNextPage) {
    return statuses.length > 0 ? (
      <Empty title="No orders with this status">
        <Link className="button" to="/order" replace>
          Show all orders
        </Link>
      </Empty>
    ) : (
      <Empty title="No orders yet">
        <Link className="button" to="/">
          Browse products
        </Link>
      </Empty>
    );
  }
  return (
    <>
      <ul className="rows" aria-label="Orders">
        {nodes.map((order) => (
          <Row key={order.id} order={getFragment(ListedOrder, order)} />
        ))}
      </ul>
      {error && <Failure error={error} retry={retry} />}
      {pageInfo.hasNextPage && <LoadMore loading={loading} onMore={more} loads={!error} />}
    </>
  );
}
