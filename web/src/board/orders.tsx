import { useState } from 'react';
import { BoardOrder } from './order-row';
import { staffDocuments } from './documents';
import { FilterChip } from '../shared/filter-chip';
import { Empty, Failure, Loading } from '../shared/states';
import { orderStatuses, orderStatusWord } from '../order/status';
import type { OrderStatus } from '../gql/graphql';
import { useOrderList } from '../order/use-order-list';

/** Rows rendered at first, and further rows for each press of the button. The feed adds orders to the list all the time; the page must not grow with it. */
const rowsAtOnce = 50;

/** All orders, newest first, live. */
export function OrderList({ onOpen }: { onOpen: (orderId: string) => void }) {
  const [status, setStatus] = useState<OrderStatus | null>(null);
  const [search, setSearch] = useState('');
  return (
    <>
      <form
        className="filters board-filters"
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          setSearch(String(new FormData(event.currentTarget).get('search')).trim());
        }}
      >
        <input type="search" name="search" aria-label="Search orders" placeholder="Number, reference or product" maxLength={100} onChange={({ target }) => target.value === '' && setSearch('')} />
        <fieldset className="chips">
          <legend className="visually-hidden">Status</legend>
          <FilterChip pressed={status === null} onPress={() => setStatus(null)}>
            All
          </FilterChip>
          {orderStatuses.map((one) => (
            <FilterChip key={one} pressed={status === one} onPress={() => setStatus(one)}>
              {orderStatusWord(one)}
            </FilterChip>
          ))}
        </fieldset>
      </form>
      <Rows key={`${status}/${search}`} statuses={status ? [status] : []} search={search} onOpen={onOpen} />
    </>
  );
}

function Rows({ statuses, search, onOpen }: { statuses: OrderStatus[]; search: string; onOpen: (orderId: string) => void }) {
  const [limit, setLimit] = useState(rowsAtOnce);
  const { data, error, loading, more, retry } = useOrderList(staffDocuments.list, statuses, search);
  if (error && !data) return <Failure error={error} retry={retry} />;
  if (!data) return <Loading what="orders" />;
  const { nodes, pageInfo } = data.orders;
  if (nodes.length === 0 && !pageInfo.hasNextPage) {
    return statuses.length > 0 || search ? <Empty title="No orders match" /> : <Empty title="No orders yet">New orders appear here at once.</Empty>;
  }
  return (
    <>
      <div className="card board board-orders">
        <table>
          <caption className="visually-hidden">Orders, newest first</caption>
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
            {nodes.slice(0, limit).map((order) => (
              <BoardOrder key={order.id} order={order} onOpen={onOpen} />
            ))}
          </tbody>
        </table>
      </div>
      {error && <Failure error={error} retry={retry} />}
      {(pageInfo.hasNextPage || nodes.length > limit) && (
        <button
          type="button"
          className="quiet more"
          disabled={loading}
          onClick={() => {
            if (nodes.length < limit + rowsAtOnce && pageInfo.hasNextPage) more();
            setLimit(limit + rowsAtOnce);
          }}
        >
          Show more
        </button>
      )}
    </>
  );
}
