
      export interface PossibleTypesResultData {
        possibleTypes: {
          [key: string]: string[]
        }
      }
      const result: PossibleTypesResultData = {
  "possibleTypes": {
    "Node": [
      "Dispute",
      "Order",
      "Payment",
      "Product",
      "Refund",
      "WebhookDelivery",
      "WebhookEndpoint"
    ],
    "OrderEvent": [
      "DisputeLost",
      "DisputeOpened",
      "DisputeUpdated",
      "DisputeWon",
      "OrderCancelled",
      "OrderCancelling",
      "OrderCreated",
      "OrderDelivered",
      "PaymentActionRequired",
      "PaymentAuthorized",
      "PaymentCaptured",
      "PaymentConfirmed",
      "PaymentDeclined",
      "PaymentExpired",
      "PaymentNeedsAttention",
      "PaymentProcessing",
      "PaymentRetried",
      "PaymentVoided",
      "RefundCreated",
      "RefundFailed",
      "RefundSucceeded"
    ],
    "UserError": [
      "OrderCancelUserError",
      "OrderCreateUserError",
      "OrderDeliverUserError",
      "PaymentCaptureUserError",
      "PaymentCompleteActionUserError",
      "PaymentResolveUserError",
      "PaymentRetryUserError",
      "PaymentVoidUserError",
      "ProductArchiveUserError",
      "ProductUpsertUserError",
      "RefundCreateUserError",
      "UserRevokeUserError",
      "WebhookEndpointCreateUserError",
      "WebhookEndpointDeleteUserError",
      "WebhookEndpointRotateSecretUserError",
      "WebhookEndpointTestUserError",
      "WebhookEndpointUpdateUserError",
      "WebhookRedeliverUserError",
      "WebhookReplayUserError"
    ]
  }
};
      export default result;
    