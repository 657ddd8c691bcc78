import type { TypedDocumentNode } from 'urql';
import { graphql } from '../gql';
import type { OrderFeedSubscription as OrderFeedData, OrderFeedSubscriptionVariables, OrdersQuery as OrdersData, OrdersQueryVariables } from '../gql/graphql';

/** Everything about an order that can change and that some component shows. Every push selects it, so a push completes each page that shows the order. */
export const LiveOrder = graphql(`
  fragment LiveOrder on Order {
    id
    version
    status
    ...OrderRow
    ...OrderSummary
    ...OrderPayment
    ...OrderActions
  }
`);

/**
 * The fields of an order in a list. It costs less than half of MAX_COST: refunds and pictures of products are loaded by the
 * order's own page.
 */
export const ListedOrder = graphql(`
  fragment ListedOrder on Order {
    id
    version
    status
    ...OrderRow
  }
`);

/** An order with its history. Pages load it, and every mutation of an order selects it, so the state and the history always match. */
export const OrderWithHistory = graphql(`
  fragment OrderWithHistory on Order {
    ...LiveOrder
    events(first: 100) {
      nodes {
        ...EventItem
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

/** The next page of a long history. */
export const HistoryQuery = graphql(`
  query History($id: ID!, $after: String!) {
    order(id: $id) {
      id
      version
      events(first: 100, after: $after) {
        nodes {
          ...EventItem
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  }
`);

export const OrderQuery = graphql(`
  query Order($id: ID!) {
    order(id: $id) {
      id
      ...OrderWithHistory
    }
  }
`);

export const OrderEventsSubscription = graphql(`
  subscription OrderEvents($orderId: ID!, $after: EventCursor) {
    orderEvents(orderId: $orderId, after: $after) {
      kind
      cursor
      event {
        ...EventItem
      }
      order {
        ...LiveOrder
      }
    }
  }
`);

const OrdersQuery = graphql(`
  query Orders($first: Int!, $after: String, $filter: OrderFilter) {
    orders(first: $first, after: $after, filter: $filter) {
      nodes {
        id
        ...ListedOrder
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

const OrderFeedSubscription = graphql(`
  subscription OrderFeed($after: EventCursor) {
    orderFeed(after: $after) {
      kind
      cursor
      event {
        ...EventItem
      }
      order {
        ...LiveOrder
      }
    }
  }
`);

/** The list and the feed of orders as one role reads them. The documents of staff select the board's fields as well. */
export interface OrderDocuments {
  readonly list: TypedDocumentNode<OrdersData, OrdersQueryVariables>;
  readonly feed: TypedDocumentNode<OrderFeedData, OrderFeedSubscriptionVariables>;
}

export const customerDocuments: OrderDocuments = { list: OrdersQuery, feed: OrderFeedSubscription };
