import { useMutation, type CombinedError, type TypedDocumentNode } from 'urql';

/** What became of an action: why it could not be asked for, and what the server refused. Neither means that it is done. */
export interface Outcome {
  readonly error?: CombinedError | undefined;
  readonly refusals: readonly { readonly message: string }[];
}

/** What every mutation of the schema answers, under its own name. */
type Answer = Readonly<Record<string, { readonly userErrors: Outcome['refusals'] }>>;

/** A mutation as an action: `act` asks for it and says what became of it, `busy` is true meanwhile. What it changed is in the cache by then. */
export function useAction<Data extends Answer, Input>(mutation: TypedDocumentNode<Data, { input: Input }>) {
  const [{ fetching: busy }, execute] = useMutation(mutation);
  const act = async (input: Input): Promise<Outcome> => {
    const { data, error } = await execute({ input });
    return { error, refusals: data ? Object.values(data).flatMap(({ userErrors }) => userErrors) : [] };
  };
  return { busy, act };
}

/** An action's buttons hand what became of it to whoever shows it. */
export interface Reports {
  readonly onOutcome: (outcome: Outcome) => void;
}
