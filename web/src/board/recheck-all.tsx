import { useState } from 'react';
import { useMutation, type CombinedError } from 'urql';
import { graphql } from '../gql';
import { Failure } from '../shared/states';

const PaymentsRecheck = graphql(`
  mutation PaymentsRecheck($input: PaymentsRecheckInput!) {
    paymentsRecheck(input: $input) {
      rechecked
      nextCursor
    }
  }
`);

interface Progress {
  readonly asked: number;
  readonly busy: boolean;
  readonly error?: CombinedError | undefined;
}

/** Has the provider asked about all payments that need staff. The server takes some hundred at a time, so this goes on until it has them all. */
export function RecheckAll({ waiting }: { waiting: string }) {
  const [, recheck] = useMutation(PaymentsRecheck);
  const [progress, setProgress] = useState<Progress | null>(null);
  const proceed = async (asked: number, after: string | null): Promise<void> => {
    setProgress({ asked, busy: true });
    const { data, error } = await recheck({ input: { after } });
    const sum = asked + (data?.paymentsRecheck.rechecked ?? 0);
    const next = data?.paymentsRecheck.nextCursor;
    if (next) return proceed(sum, next);
    setProgress({ asked: sum, busy: false, error });
  };
  return (
    <div className="recheck-all">
      <button type="button" disabled={progress?.busy} onClick={() => void proceed(0, null)}>
        {waiting === '1' ? 'Ask the provider again' : `Ask the provider about all ${waiting} again`}
      </button>
      {progress && (
        <span role="status" aria-busy={progress.busy}>
          {progress.busy
            ? `Asking: ${progress.asked} so far…`
            : `The provider is being asked about ${progress.asked} ${progress.asked === 1 ? 'payment' : 'payments'}. Those that its answer settles leave this list.`}
        </span>
      )}
      {progress?.error && <Failure error={progress.error} acted />}
    </div>
  );
}
