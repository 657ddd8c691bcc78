/** An example operation: one tab of the playground. */
export interface Example {
  readonly query: string;
  readonly variables?: string;
}
