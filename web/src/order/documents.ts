import { graphql } from '../gql';

/** The sum of what components show of an order that can change. Every push carries it, so a push never leaves a page with a hole. */
export const LiveOrder = graphql(`
  fragment LiveOrder on Order {
    id
    version
    status
    ...OrderRow
    ...OrderSummary
    ...OrderPayment
    ...OrderActions
    ...BoardRow
  }
`);

/**
 * What lists show of an order, for less than half of MAX_COST: refunds and what a line's product looks like are for its own
 * page, and every push carries all of LiveOrder anyway.
 */
export const ListedOrder = graphql(`
  fragment ListedOrder on Order {
    id
    version
    status
    ...OrderRow
    ...BoardRow
  }
`);

/** An order with its history: what its pages load, and what its mutations bring so that both always agree. */
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

export const OrderFeedSubscription = graphql(`
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
