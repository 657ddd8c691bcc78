import { useMutation, type CombinedError, type TypedDocumentNode } from 'urql';

/** The outcome of an action: the error of its request, and the user errors. It succeeded if there are none. */
export interface Outcome {
  readonly error?: CombinedError | undefined;
  readonly refusals: readonly { readonly message: string }[];
}

/** The answer of any mutation of the schema: its payload under the mutation's name. */
type Answer = Readonly<Record<string, { readonly userErrors: Outcome['refusals'] }>>;

/** Makes an action of a mutation. `act` runs it and resolves to its outcome once the cache has the changes; `busy` is true meanwhile. */
export function useAction<Data extends Answer, Input>(mutation: TypedDocumentNode<Data, { input: Input }>) {
  const [{ fetching: busy }, execute] = useMutation(mutation);
  const act = async (input: Input): Promise<Outcome> => {
    const { data, error } = await execute({ input });
    return { error, refusals: data ? Object.values(data).flatMap(({ userErrors }) => userErrors) : [] };
  };
  return { busy, act };
}

/** Props of a component that runs an action and reports the outcome to its parent. */
export interface Reports {
  readonly onOutcome: (outcome: Outcome) => void;
}
