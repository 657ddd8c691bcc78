import { graphql } from '../gql';

/** The list of orders with the board's fields. */
const StaffOrdersQuery = graphql(`
  query StaffOrders($first: Int!, $after: String, $filter: OrderFilter) {
    orders(first: $first, after: $after, filter: $filter) {
      nodes {
        id
        ...ListedOrder
        ...BoardRow
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

/** The feed of all orders with the board's fields, and those that the drawer's actions depend on: see version-guard.ts. */
const StaffOrderFeedSubscription = graphql(`
  subscription StaffOrderFeed($after: EventCursor) {
    orderFeed(after: $after) {
      kind
      cursor
      event {
        ...EventItem
      }
      order {
        ...LiveOrder
        ...BoardRow
        ...StaffActionParts
      }
    }
  }
`);

/** The documents with which staff read orders, on the shop's pages too; see OrderFeed. */
export const staffDocuments = { list: StaffOrdersQuery, feed: StaffOrderFeedSubscription };
