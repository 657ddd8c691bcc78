import type { DeliveryHold } from '../gql/graphql';

const words: Record<DeliveryHold, string> = {
  DISPUTE: 'The charge is disputed.',
  ATTENTION: 'A payment of the order needs attention.',
  REFUND: 'Money of the order was refunded, or is about to be.',
};

/** Why an order is not delivered by its timer, for staff. */
export const holdWord = (hold: DeliveryHold): string => words[hold] ?? 'Something holds its delivery.';
