import { useState } from 'react';
import { useQuery, type TypedDocumentNode } from 'urql';
import type { DataTableProps } from './data-table';

interface PageInfo {
  readonly hasNextPage: boolean;
  readonly endCursor?: string | null;
}

export interface PagedQuery<Data> {
  readonly data: Data | undefined;
  /** Goes back to the first page. */
  readonly reset: () => void;
  /** The props of the table that shows the pages. */
  readonly table: Pick<DataTableProps, 'error' | 'loading' | 'onRefresh' | 'onMore'>;
}

/** Loads a list page by page for a DataTable; the cache merges the pages. `pageInfoOf` returns the end of the loaded pages. */
export function usePagedQuery<Data, Variables extends { after?: string | null }>(
  query: TypedDocumentNode<Data, Variables>,
  variables: Omit<Variables, 'after'>,
  pageInfoOf: (data: Data) => PageInfo,
): PagedQuery<Data> {
  const [after, setAfter] = useState<string | null>(null);
  const reset = () => setAfter(null);
  const [{ data, error, fetching }, reload] = useQuery({ query, variables: { ...variables, after } as Variables, requestPolicy: 'cache-and-network' });
  const pageInfo = data && pageInfoOf(data);
  return {
    data,
    reset,
    table: {
      error,
      loading: fetching,
      onRefresh: () => (after ? reset() : reload({ requestPolicy: 'network-only' })),
      onMore: pageInfo?.hasNextPage ? () => setAfter(pageInfo.endCursor ?? null) : undefined,
    },
  };
}
