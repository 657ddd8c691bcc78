/** An operation to start from: a tab of the playground. */
export interface Example {
  readonly query: string;
  readonly variables?: string;
}
