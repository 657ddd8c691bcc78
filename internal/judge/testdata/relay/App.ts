import { graphql } from 'relay-runtime';

export const order = graphql`
  fragment App_order on Order {
    id
    number
    status
    total { amount currency }
    payment { status nextAction { type url } }
    events(first: 20) @connection(key: "App_order_events") { edges { node { id type } } }
  }
`;
export const orders = graphql`
  query AppQuery($count: Int, $cursor: String) {
    viewer { id role }
    ...App_orders @arguments(count: $count, cursor: $cursor)
    node(id: "order_1") { ... on Order { ...App_order @alias } }
  }
`;
export const list = graphql`
  fragment App_orders on Query @refetchable(queryName: "AppOrdersQuery") @argumentDefinitions(count: {type: "Int", defaultValue: 20}, cursor: {type: "String"}) {
    orders(first: $count, after: $cursor) @connection(key: "App_orders") { edges { node { ...App_order } } }
  }
`;
export const create = graphql`
  mutation AppCreateMutation($input: OrderCreateInput!) { orderCreate(input: $input) { order { ...App_order } replayed userErrors { field message code } } }
`;
export const feed = graphql`
  subscription AppFeedSubscription($filter: OrderFeedFilter, $after: EventCursor) { orderFeed(filter: $filter, after: $after) { kind cursor event { id type version } order { ...App_order } } }
`;
