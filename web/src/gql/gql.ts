/* eslint-disable */
import * as types from './graphql';
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';

/**
 * Map of all GraphQL operations in the project.
 *
 * This map has several performance disadvantages:
 * 1. It is not tree-shakeable, so it will include all operations in the project.
 * 2. It is not minifiable, so the string of a GraphQL query will be multiple times inside the bundle.
 * 3. It does not support dead code elimination, so it will add unused operations.
 *
 * Therefore it is highly recommended to use the babel or swc plugin for production.
 * Learn more about it here: https://the-guild.dev/graphql/codegen/plugins/presets/preset-client#reducing-bundle-size
 */
type Documents = {
    "\n  fragment BoardRow on Order {\n    id\n    number\n    status\n    version\n    customerId\n    updatedAt\n    total {\n      ...PriceParts\n    }\n    payment {\n      id\n      status\n    }\n    ...OrderActions\n  }\n": typeof types.BoardRowFragmentDoc,
    "\n  query NextAction($paymentId: ID!) {\n    payment(id: $paymentId) {\n      id\n      nextAction {\n        type\n        url\n        clientSecret\n        expiresAt\n      }\n    }\n  }\n": typeof types.NextActionDocument,
    "\n  mutation PaymentCompleteAction($input: PaymentCompleteActionInput!) {\n    paymentCompleteAction(input: $input) {\n      order {\n        id\n        ...OrderWithHistory\n      }\n      userErrors {\n        message\n        code\n      }\n    }\n  }\n": typeof types.PaymentCompleteActionDocument,
    "\n  fragment OrderActions on Order {\n    id\n    number\n    availableActions\n    payment {\n      id\n    }\n  }\n": typeof types.OrderActionsFragmentDoc,
    "\n  mutation OrderDeliver($input: OrderDeliverInput!) {\n    orderDeliver(input: $input) {\n      order {\n        id\n        ...OrderWithHistory\n      }\n      userErrors {\n        message\n        code\n      }\n    }\n  }\n": typeof types.OrderDeliverDocument,
    "\n  mutation PaymentRetry($input: PaymentRetryInput!) {\n    paymentRetry(input: $input) {\n      order {\n        id\n        ...OrderWithHistory\n      }\n      userErrors {\n        message\n        code\n      }\n    }\n  }\n": typeof types.PaymentRetryDocument,
    "\n  mutation OrderCancel($input: OrderCancelInput!) {\n    orderCancel(input: $input) {\n      order {\n        id\n        ...OrderWithHistory\n      }\n      userErrors {\n        message\n        code\n      }\n    }\n  }\n": typeof types.OrderCancelDocument,
    "\n  fragment OrderRow on Order {\n    id\n    version\n    number\n    status\n    createdAt\n    lines {\n      name\n      quantity\n    }\n    total {\n      ...PriceParts\n    }\n    payment {\n      id\n      status\n    }\n  }\n": typeof types.OrderRowFragmentDoc,
    "\n  fragment OrderSummary on Order {\n    lines {\n      product {\n        id\n        image\n      }\n      name\n      quantity\n      unitPrice {\n        ...PriceParts\n      }\n      total {\n        ...PriceParts\n      }\n    }\n    total {\n      ...PriceParts\n    }\n    captured {\n      amountMinor\n      ...PriceParts\n    }\n    refunded {\n      amountMinor\n      ...PriceParts\n    }\n    refunds {\n      id\n      status\n      reason\n      createdAt\n      amount {\n        ...PriceParts\n      }\n    }\n    note\n  }\n": typeof types.OrderSummaryFragmentDoc,
    "\n  fragment PriceParts on Money {\n    amount\n    amountMinor\n    currency\n  }\n": typeof types.PricePartsFragmentDoc,
    "\n  fragment ProductCardParts on Product {\n    id\n    name\n    description\n    image\n    price {\n      currency\n      ...PriceParts\n    }\n  }\n": typeof types.ProductCardPartsFragmentDoc,
    "\n  fragment OrderPayment on Order {\n    status\n    expiresAt\n    deliversAt\n    payment {\n      id\n      status\n      createdAt\n      declineCode\n      attention\n    }\n  }\n": typeof types.OrderPaymentFragmentDoc,
    "\n  fragment EventItem on OrderEvent {\n    __typename\n    id\n    type\n    version\n    occurredAt\n    actor {\n      kind\n    }\n    ... on PaymentProcessing {\n      paymentId\n    }\n    ... on PaymentActionRequired {\n      paymentId\n    }\n    ... on PaymentAuthorized {\n      paymentId\n      amount {\n        ...PriceParts\n      }\n    }\n    ... on PaymentConfirmed {\n      paymentId\n      amount {\n        ...PriceParts\n      }\n    }\n    ... on PaymentDeclined {\n      paymentId\n      declineCode\n    }\n    ... on PaymentVoided {\n      paymentId\n    }\n    ... on PaymentExpired {\n      paymentId\n    }\n    ... on RefundCreated {\n      amount {\n        ...PriceParts\n      }\n    }\n    ... on RefundSucceeded {\n      amount {\n        ...PriceParts\n      }\n    }\n    ... on RefundFailed {\n      reason\n      amount {\n        ...PriceParts\n      }\n    }\n    ... on OrderCancelling {\n      cancelReason\n    }\n    ... on OrderCancelled {\n      cancelReason\n    }\n  }\n": typeof types.EventItemFragmentDoc,
    "\n  fragment LiveOrder on Order {\n    id\n    version\n    status\n    ...OrderRow\n    ...OrderSummary\n    ...OrderPayment\n    ...OrderActions\n    ...BoardRow\n  }\n": typeof types.LiveOrderFragmentDoc,
    "\n  fragment OrderWithHistory on Order {\n    ...LiveOrder\n    events(first: 100) {\n      nodes {\n        ...EventItem\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n": typeof types.OrderWithHistoryFragmentDoc,
    "\n  query History($id: ID!, $after: String!) {\n    order(id: $id) {\n      id\n      version\n      events(first: 100, after: $after) {\n        nodes {\n          ...EventItem\n        }\n        pageInfo {\n          hasNextPage\n          endCursor\n        }\n      }\n    }\n  }\n": typeof types.HistoryDocument,
    "\n  query Order($id: ID!) {\n    order(id: $id) {\n      id\n      ...OrderWithHistory\n    }\n  }\n": typeof types.OrderDocument,
    "\n  subscription OrderEvents($orderId: ID!, $after: EventCursor) {\n    orderEvents(orderId: $orderId, after: $after) {\n      kind\n      cursor\n      event {\n        ...EventItem\n      }\n      order {\n        ...LiveOrder\n      }\n    }\n  }\n": typeof types.OrderEventsDocument,
    "\n  subscription OrderFeed($after: EventCursor) {\n    orderFeed(after: $after) {\n      kind\n      cursor\n      event {\n        ...EventItem\n      }\n      order {\n        ...LiveOrder\n      }\n    }\n  }\n": typeof types.OrderFeedDocument,
    "\n  query Orders($first: Int!, $after: String, $filter: OrderFilter) {\n    orders(first: $first, after: $after, filter: $filter) {\n      nodes {\n        id\n        ...LiveOrder\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n": typeof types.OrdersDocument,
    "\n  query Chosen($ids: [ID!]!) {\n    nodes(ids: $ids) {\n      __typename\n      id\n      ... on Product {\n        id\n        name\n        image\n        archived\n        price {\n          ...PriceParts\n        }\n      }\n    }\n  }\n": typeof types.ChosenDocument,
    "\n  mutation OrderCreate($input: OrderCreateInput!) {\n    orderCreate(input: $input) {\n      order {\n        id\n        ...OrderWithHistory\n      }\n      userErrors {\n        field\n        message\n        code\n      }\n    }\n  }\n": typeof types.OrderCreateDocument,
    "\n  query Products($first: Int!, $after: String, $filter: ProductFilter) {\n    products(first: $first, after: $after, filter: $filter) {\n      nodes {\n        id\n        ...ProductCardParts\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n": typeof types.ProductsDocument,
};
const documents: Documents = {
    "\n  fragment BoardRow on Order {\n    id\n    number\n    status\n    version\n    customerId\n    updatedAt\n    total {\n      ...PriceParts\n    }\n    payment {\n      id\n      status\n    }\n    ...OrderActions\n  }\n": types.BoardRowFragmentDoc,
    "\n  query NextAction($paymentId: ID!) {\n    payment(id: $paymentId) {\n      id\n      nextAction {\n        type\n        url\n        clientSecret\n        expiresAt\n      }\n    }\n  }\n": types.NextActionDocument,
    "\n  mutation PaymentCompleteAction($input: PaymentCompleteActionInput!) {\n    paymentCompleteAction(input: $input) {\n      order {\n        id\n        ...OrderWithHistory\n      }\n      userErrors {\n        message\n        code\n      }\n    }\n  }\n": types.PaymentCompleteActionDocument,
    "\n  fragment OrderActions on Order {\n    id\n    number\n    availableActions\n    payment {\n      id\n    }\n  }\n": types.OrderActionsFragmentDoc,
    "\n  mutation OrderDeliver($input: OrderDeliverInput!) {\n    orderDeliver(input: $input) {\n      order {\n        id\n        ...OrderWithHistory\n      }\n      userErrors {\n        message\n        code\n      }\n    }\n  }\n": types.OrderDeliverDocument,
    "\n  mutation PaymentRetry($input: PaymentRetryInput!) {\n    paymentRetry(input: $input) {\n      order {\n        id\n        ...OrderWithHistory\n      }\n      userErrors {\n        message\n        code\n      }\n    }\n  }\n": types.PaymentRetryDocument,
    "\n  mutation OrderCancel($input: OrderCancelInput!) {\n    orderCancel(input: $input) {\n      order {\n        id\n        ...OrderWithHistory\n      }\n      userErrors {\n        message\n        code\n      }\n    }\n  }\n": types.OrderCancelDocument,
    "\n  fragment OrderRow on Order {\n    id\n    version\n    number\n    status\n    createdAt\n    lines {\n      name\n      quantity\n    }\n    total {\n      ...PriceParts\n    }\n    payment {\n      id\n      status\n    }\n  }\n": types.OrderRowFragmentDoc,
    "\n  fragment OrderSummary on Order {\n    lines {\n      product {\n        id\n        image\n      }\n      name\n      quantity\n      unitPrice {\n        ...PriceParts\n      }\n      total {\n        ...PriceParts\n      }\n    }\n    total {\n      ...PriceParts\n    }\n    captured {\n      amountMinor\n      ...PriceParts\n    }\n    refunded {\n      amountMinor\n      ...PriceParts\n    }\n    refunds {\n      id\n      status\n      reason\n      createdAt\n      amount {\n        ...PriceParts\n      }\n    }\n    note\n  }\n": types.OrderSummaryFragmentDoc,
    "\n  fragment PriceParts on Money {\n    amount\n    amountMinor\n    currency\n  }\n": types.PricePartsFragmentDoc,
    "\n  fragment ProductCardParts on Product {\n    id\n    name\n    description\n    image\n    price {\n      currency\n      ...PriceParts\n    }\n  }\n": types.ProductCardPartsFragmentDoc,
    "\n  fragment OrderPayment on Order {\n    status\n    expiresAt\n    deliversAt\n    payment {\n      id\n      status\n      createdAt\n      declineCode\n      attention\n    }\n  }\n": types.OrderPaymentFragmentDoc,
    "\n  fragment EventItem on OrderEvent {\n    __typename\n    id\n    type\n    version\n    occurredAt\n    actor {\n      kind\n    }\n    ... on PaymentProcessing {\n      paymentId\n    }\n    ... on PaymentActionRequired {\n      paymentId\n    }\n    ... on PaymentAuthorized {\n      paymentId\n      amount {\n        ...PriceParts\n      }\n    }\n    ... on PaymentConfirmed {\n      paymentId\n      amount {\n        ...PriceParts\n      }\n    }\n    ... on PaymentDeclined {\n      paymentId\n      declineCode\n    }\n    ... on PaymentVoided {\n      paymentId\n    }\n    ... on PaymentExpired {\n      paymentId\n    }\n    ... on RefundCreated {\n      amount {\n        ...PriceParts\n      }\n    }\n    ... on RefundSucceeded {\n      amount {\n        ...PriceParts\n      }\n    }\n    ... on RefundFailed {\n      reason\n      amount {\n        ...PriceParts\n      }\n    }\n    ... on OrderCancelling {\n      cancelReason\n    }\n    ... on OrderCancelled {\n      cancelReason\n    }\n  }\n": types.EventItemFragmentDoc,
    "\n  fragment LiveOrder on Order {\n    id\n    version\n    status\n    ...OrderRow\n    ...OrderSummary\n    ...OrderPayment\n    ...OrderActions\n    ...BoardRow\n  }\n": types.LiveOrderFragmentDoc,
    "\n  fragment OrderWithHistory on Order {\n    ...LiveOrder\n    events(first: 100) {\n      nodes {\n        ...EventItem\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n": types.OrderWithHistoryFragmentDoc,
    "\n  query History($id: ID!, $after: String!) {\n    order(id: $id) {\n      id\n      version\n      events(first: 100, after: $after) {\n        nodes {\n          ...EventItem\n        }\n        pageInfo {\n          hasNextPage\n          endCursor\n        }\n      }\n    }\n  }\n": types.HistoryDocument,
    "\n  query Order($id: ID!) {\n    order(id: $id) {\n      id\n      ...OrderWithHistory\n    }\n  }\n": types.OrderDocument,
    "\n  subscription OrderEvents($orderId: ID!, $after: EventCursor) {\n    orderEvents(orderId: $orderId, after: $after) {\n      kind\n      cursor\n      event {\n        ...EventItem\n      }\n      order {\n        ...LiveOrder\n      }\n    }\n  }\n": types.OrderEventsDocument,
    "\n  subscription OrderFeed($after: EventCursor) {\n    orderFeed(after: $after) {\n      kind\n      cursor\n      event {\n        ...EventItem\n      }\n      order {\n        ...LiveOrder\n      }\n    }\n  }\n": types.OrderFeedDocument,
    "\n  query Orders($first: Int!, $after: String, $filter: OrderFilter) {\n    orders(first: $first, after: $after, filter: $filter) {\n      nodes {\n        id\n        ...LiveOrder\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n": types.OrdersDocument,
    "\n  query Chosen($ids: [ID!]!) {\n    nodes(ids: $ids) {\n      __typename\n      id\n      ... on Product {\n        id\n        name\n        image\n        archived\n        price {\n          ...PriceParts\n        }\n      }\n    }\n  }\n": types.ChosenDocument,
    "\n  mutation OrderCreate($input: OrderCreateInput!) {\n    orderCreate(input: $input) {\n      order {\n        id\n        ...OrderWithHistory\n      }\n      userErrors {\n        field\n        message\n        code\n      }\n    }\n  }\n": types.OrderCreateDocument,
    "\n  query Products($first: Int!, $after: String, $filter: ProductFilter) {\n    products(first: $first, after: $after, filter: $filter) {\n      nodes {\n        id\n        ...ProductCardParts\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n": types.ProductsDocument,
};

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 *
 *
 * @example
 * ```ts
 * const query = graphql(`query GetUser($id: ID!) { user(id: $id) { name } }`);
 * ```
 *
 * The query argument is unknown!
 * Please regenerate the types.
 */
export function graphql(source: string): unknown;

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment BoardRow on Order {\n    id\n    number\n    status\n    version\n    customerId\n    updatedAt\n    total {\n      ...PriceParts\n    }\n    payment {\n      id\n      status\n    }\n    ...OrderActions\n  }\n"): (typeof documents)["\n  fragment BoardRow on Order {\n    id\n    number\n    status\n    version\n    customerId\n    updatedAt\n    total {\n      ...PriceParts\n    }\n    payment {\n      id\n      status\n    }\n    ...OrderActions\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query NextAction($paymentId: ID!) {\n    payment(id: $paymentId) {\n      id\n      nextAction {\n        type\n        url\n        clientSecret\n        expiresAt\n      }\n    }\n  }\n"): (typeof documents)["\n  query NextAction($paymentId: ID!) {\n    payment(id: $paymentId) {\n      id\n      nextAction {\n        type\n        url\n        clientSecret\n        expiresAt\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation PaymentCompleteAction($input: PaymentCompleteActionInput!) {\n    paymentCompleteAction(input: $input) {\n      order {\n        id\n        ...OrderWithHistory\n      }\n      userErrors {\n        message\n        code\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation PaymentCompleteAction($input: PaymentCompleteActionInput!) {\n    paymentCompleteAction(input: $input) {\n      order {\n        id\n        ...OrderWithHistory\n      }\n      userErrors {\n        message\n        code\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment OrderActions on Order {\n    id\n    number\n    availableActions\n    payment {\n      id\n    }\n  }\n"): (typeof documents)["\n  fragment OrderActions on Order {\n    id\n    number\n    availableActions\n    payment {\n      id\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation OrderDeliver($input: OrderDeliverInput!) {\n    orderDeliver(input: $input) {\n      order {\n        id\n        ...OrderWithHistory\n      }\n      userErrors {\n        message\n        code\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation OrderDeliver($input: OrderDeliverInput!) {\n    orderDeliver(input: $input) {\n      order {\n        id\n        ...OrderWithHistory\n      }\n      userErrors {\n        message\n        code\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation PaymentRetry($input: PaymentRetryInput!) {\n    paymentRetry(input: $input) {\n      order {\n        id\n        ...OrderWithHistory\n      }\n      userErrors {\n        message\n        code\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation PaymentRetry($input: PaymentRetryInput!) {\n    paymentRetry(input: $input) {\n      order {\n        id\n        ...OrderWithHistory\n      }\n      userErrors {\n        message\n        code\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation OrderCancel($input: OrderCancelInput!) {\n    orderCancel(input: $input) {\n      order {\n        id\n        ...OrderWithHistory\n      }\n      userErrors {\n        message\n        code\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation OrderCancel($input: OrderCancelInput!) {\n    orderCancel(input: $input) {\n      order {\n        id\n        ...OrderWithHistory\n      }\n      userErrors {\n        message\n        code\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment OrderRow on Order {\n    id\n    version\n    number\n    status\n    createdAt\n    lines {\n      name\n      quantity\n    }\n    total {\n      ...PriceParts\n    }\n    payment {\n      id\n      status\n    }\n  }\n"): (typeof documents)["\n  fragment OrderRow on Order {\n    id\n    version\n    number\n    status\n    createdAt\n    lines {\n      name\n      quantity\n    }\n    total {\n      ...PriceParts\n    }\n    payment {\n      id\n      status\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment OrderSummary on Order {\n    lines {\n      product {\n        id\n        image\n      }\n      name\n      quantity\n      unitPrice {\n        ...PriceParts\n      }\n      total {\n        ...PriceParts\n      }\n    }\n    total {\n      ...PriceParts\n    }\n    captured {\n      amountMinor\n      ...PriceParts\n    }\n    refunded {\n      amountMinor\n      ...PriceParts\n    }\n    refunds {\n      id\n      status\n      reason\n      createdAt\n      amount {\n        ...PriceParts\n      }\n    }\n    note\n  }\n"): (typeof documents)["\n  fragment OrderSummary on Order {\n    lines {\n      product {\n        id\n        image\n      }\n      name\n      quantity\n      unitPrice {\n        ...PriceParts\n      }\n      total {\n        ...PriceParts\n      }\n    }\n    total {\n      ...PriceParts\n    }\n    captured {\n      amountMinor\n      ...PriceParts\n    }\n    refunded {\n      amountMinor\n      ...PriceParts\n    }\n    refunds {\n      id\n      status\n      reason\n      createdAt\n      amount {\n        ...PriceParts\n      }\n    }\n    note\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment PriceParts on Money {\n    amount\n    amountMinor\n    currency\n  }\n"): (typeof documents)["\n  fragment PriceParts on Money {\n    amount\n    amountMinor\n    currency\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment ProductCardParts on Product {\n    id\n    name\n    description\n    image\n    price {\n      currency\n      ...PriceParts\n    }\n  }\n"): (typeof documents)["\n  fragment ProductCardParts on Product {\n    id\n    name\n    description\n    image\n    price {\n      currency\n      ...PriceParts\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment OrderPayment on Order {\n    status\n    expiresAt\n    deliversAt\n    payment {\n      id\n      status\n      createdAt\n      declineCode\n      attention\n    }\n  }\n"): (typeof documents)["\n  fragment OrderPayment on Order {\n    status\n    expiresAt\n    deliversAt\n    payment {\n      id\n      status\n      createdAt\n      declineCode\n      attention\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment EventItem on OrderEvent {\n    __typename\n    id\n    type\n    version\n    occurredAt\n    actor {\n      kind\n    }\n    ... on PaymentProcessing {\n      paymentId\n    }\n    ... on PaymentActionRequired {\n      paymentId\n    }\n    ... on PaymentAuthorized {\n      paymentId\n      amount {\n        ...PriceParts\n      }\n    }\n    ... on PaymentConfirmed {\n      paymentId\n      amount {\n        ...PriceParts\n      }\n    }\n    ... on PaymentDeclined {\n      paymentId\n      declineCode\n    }\n    ... on PaymentVoided {\n      paymentId\n    }\n    ... on PaymentExpired {\n      paymentId\n    }\n    ... on RefundCreated {\n      amount {\n        ...PriceParts\n      }\n    }\n    ... on RefundSucceeded {\n      amount {\n        ...PriceParts\n      }\n    }\n    ... on RefundFailed {\n      reason\n      amount {\n        ...PriceParts\n      }\n    }\n    ... on OrderCancelling {\n      cancelReason\n    }\n    ... on OrderCancelled {\n      cancelReason\n    }\n  }\n"): (typeof documents)["\n  fragment EventItem on OrderEvent {\n    __typename\n    id\n    type\n    version\n    occurredAt\n    actor {\n      kind\n    }\n    ... on PaymentProcessing {\n      paymentId\n    }\n    ... on PaymentActionRequired {\n      paymentId\n    }\n    ... on PaymentAuthorized {\n      paymentId\n      amount {\n        ...PriceParts\n      }\n    }\n    ... on PaymentConfirmed {\n      paymentId\n      amount {\n        ...PriceParts\n      }\n    }\n    ... on PaymentDeclined {\n      paymentId\n      declineCode\n    }\n    ... on PaymentVoided {\n      paymentId\n    }\n    ... on PaymentExpired {\n      paymentId\n    }\n    ... on RefundCreated {\n      amount {\n        ...PriceParts\n      }\n    }\n    ... on RefundSucceeded {\n      amount {\n        ...PriceParts\n      }\n    }\n    ... on RefundFailed {\n      reason\n      amount {\n        ...PriceParts\n      }\n    }\n    ... on OrderCancelling {\n      cancelReason\n    }\n    ... on OrderCancelled {\n      cancelReason\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment LiveOrder on Order {\n    id\n    version\n    status\n    ...OrderRow\n    ...OrderSummary\n    ...OrderPayment\n    ...OrderActions\n    ...BoardRow\n  }\n"): (typeof documents)["\n  fragment LiveOrder on Order {\n    id\n    version\n    status\n    ...OrderRow\n    ...OrderSummary\n    ...OrderPayment\n    ...OrderActions\n    ...BoardRow\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment OrderWithHistory on Order {\n    ...LiveOrder\n    events(first: 100) {\n      nodes {\n        ...EventItem\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n"): (typeof documents)["\n  fragment OrderWithHistory on Order {\n    ...LiveOrder\n    events(first: 100) {\n      nodes {\n        ...EventItem\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query History($id: ID!, $after: String!) {\n    order(id: $id) {\n      id\n      version\n      events(first: 100, after: $after) {\n        nodes {\n          ...EventItem\n        }\n        pageInfo {\n          hasNextPage\n          endCursor\n        }\n      }\n    }\n  }\n"): (typeof documents)["\n  query History($id: ID!, $after: String!) {\n    order(id: $id) {\n      id\n      version\n      events(first: 100, after: $after) {\n        nodes {\n          ...EventItem\n        }\n        pageInfo {\n          hasNextPage\n          endCursor\n        }\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Order($id: ID!) {\n    order(id: $id) {\n      id\n      ...OrderWithHistory\n    }\n  }\n"): (typeof documents)["\n  query Order($id: ID!) {\n    order(id: $id) {\n      id\n      ...OrderWithHistory\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription OrderEvents($orderId: ID!, $after: EventCursor) {\n    orderEvents(orderId: $orderId, after: $after) {\n      kind\n      cursor\n      event {\n        ...EventItem\n      }\n      order {\n        ...LiveOrder\n      }\n    }\n  }\n"): (typeof documents)["\n  subscription OrderEvents($orderId: ID!, $after: EventCursor) {\n    orderEvents(orderId: $orderId, after: $after) {\n      kind\n      cursor\n      event {\n        ...EventItem\n      }\n      order {\n        ...LiveOrder\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription OrderFeed($after: EventCursor) {\n    orderFeed(after: $after) {\n      kind\n      cursor\n      event {\n        ...EventItem\n      }\n      order {\n        ...LiveOrder\n      }\n    }\n  }\n"): (typeof documents)["\n  subscription OrderFeed($after: EventCursor) {\n    orderFeed(after: $after) {\n      kind\n      cursor\n      event {\n        ...EventItem\n      }\n      order {\n        ...LiveOrder\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Orders($first: Int!, $after: String, $filter: OrderFilter) {\n    orders(first: $first, after: $after, filter: $filter) {\n      nodes {\n        id\n        ...LiveOrder\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n"): (typeof documents)["\n  query Orders($first: Int!, $after: String, $filter: OrderFilter) {\n    orders(first: $first, after: $after, filter: $filter) {\n      nodes {\n        id\n        ...LiveOrder\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Chosen($ids: [ID!]!) {\n    nodes(ids: $ids) {\n      __typename\n      id\n      ... on Product {\n        id\n        name\n        image\n        archived\n        price {\n          ...PriceParts\n        }\n      }\n    }\n  }\n"): (typeof documents)["\n  query Chosen($ids: [ID!]!) {\n    nodes(ids: $ids) {\n      __typename\n      id\n      ... on Product {\n        id\n        name\n        image\n        archived\n        price {\n          ...PriceParts\n        }\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation OrderCreate($input: OrderCreateInput!) {\n    orderCreate(input: $input) {\n      order {\n        id\n        ...OrderWithHistory\n      }\n      userErrors {\n        field\n        message\n        code\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation OrderCreate($input: OrderCreateInput!) {\n    orderCreate(input: $input) {\n      order {\n        id\n        ...OrderWithHistory\n      }\n      userErrors {\n        field\n        message\n        code\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Products($first: Int!, $after: String, $filter: ProductFilter) {\n    products(first: $first, after: $after, filter: $filter) {\n      nodes {\n        id\n        ...ProductCardParts\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n"): (typeof documents)["\n  query Products($first: Int!, $after: String, $filter: ProductFilter) {\n    products(first: $first, after: $after, filter: $filter) {\n      nodes {\n        id\n        ...ProductCardParts\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n"];

export function graphql(source: string) {
  return (documents as any)[source] ?? {};
}

export type DocumentType<TDocumentNode extends DocumentNode<any, any>> = TDocumentNode extends DocumentNode<  infer TType,  any>  ? TType  : never;