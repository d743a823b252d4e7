import type { CombinedError } from '@urql/core';
import { messages } from '../messages';
import { Signal } from '../ui/signal';
import { describeError } from './errors';

interface Page<Node> {
  nodes: readonly Node[];
  cursor: string | null;
  hasMore: boolean;
}

interface ListState<Node> extends Page<Node> {
  /** Number of loaded pages. */
  pages: number;
  errorMessage: string | null;
}

export type PageResult<Node> = Page<Node> | { errorMessage: string };
export type Update<Node> = (nodes: readonly Node[]) => readonly Node[];

const emptyState = { nodes: [], cursor: null, hasMore: true, pages: 0, errorMessage: null };

/** A list that is loaded page by page, reloads all loaded pages, and supports optimistic updates. */
export class PaginatedList<Node extends { id: string }> {
  readonly state = new Signal<ListState<Node>>(emptyState);
  readonly #fetchPage: (after: string | null) => Promise<PageResult<Node>>;
  /** The state without optimistic updates. */
  #confirmed: ListState<Node> = emptyState;
  #optimisticUpdates: readonly Update<Node>[] = [];
  #updateCount = 0;
  #pagesWanted = 1;
  #stale = false;
  #request: Promise<void> | null = null;

  constructor(fetchPage: (after: string | null) => Promise<PageResult<Node>>) {
    this.#fetchPage = fetchPage;
  }

  /** Runs one request at a time, and starts again if one was already running: its data may be older than this call. */
  readonly reload = (): Promise<void> => {
    this.#stale = true;
    return (this.#request ??= this.#fetchPages());
  };

  readonly loadMore = async (): Promise<void> => {
    if (!this.#confirmed.hasMore) return;
    this.#pagesWanted = this.#confirmed.pages + 1;
    await (this.#request ??= this.#fetchPages());
  };

  update(change: Update<Node>) {
    this.#updateCount++;
    this.#setState({ ...this.#confirmed, nodes: change(this.#confirmed.nodes) });
  }

  /** Shows the change at once, and reverts it if the mutation fails. */
  async updateOptimistically<T extends object>(change: Update<Node>, done: Promise<T>): Promise<T> {
    this.#optimisticUpdates = [...this.#optimisticUpdates, change];
    this.#setState(this.#confirmed);
    const result = await done;
    this.#optimisticUpdates = this.#optimisticUpdates.filter((other) => other !== change);
    this.update('errorMessage' in result ? (nodes) => nodes : change);
    if (this.#optimisticUpdates.length === 0) void this.reload();
    return result;
  }

  async #fetchPages() {
    do {
      const start = this.#stale ? emptyState : this.#confirmed;
      this.#stale = false;
      await this.#fetchFrom(start);
    } while (this.#stale);
    this.#request = null;
  }

  async #fetchFrom(start: ListState<Node>) {
    const updateCount = this.#updateCount;
    let state = start;
    while (state.hasMore && state.pages < this.#pagesWanted) {
      const page = await this.#fetchPage(state.cursor);
      if ('errorMessage' in page) return this.#setState({ ...this.#confirmed, errorMessage: page.errorMessage });
      state = { ...page, nodes: [...state.nodes, ...page.nodes], pages: state.pages + 1, errorMessage: null };
    }
    // The response may be older than a change made here meanwhile.
    if (updateCount !== this.#updateCount) this.#stale = true;
    else this.#setState({ ...state, nodes: uniqueById(state.nodes) });
  }

  #setState(confirmed: ListState<Node>) {
    this.#confirmed = confirmed;
    this.state.set({
      ...confirmed,
      nodes: this.#optimisticUpdates.reduce((nodes, change) => change(nodes), confirmed.nodes),
    });
  }
}

interface Connection<Node> {
  nodes: readonly Node[];
  pageInfo: { hasNextPage: boolean; endCursor: string | null };
}

export function toPage<Node>(connection: Connection<Node> | undefined, error?: CombinedError): PageResult<Node> {
  if (!connection) return { errorMessage: error ? describeError(error) : messages.errors.noResponse };
  const { nodes, pageInfo } = connection;
  return { nodes, cursor: pageInfo.endCursor, hasMore: pageInfo.hasNextPage };
}

/** An item may move to a later page between two requests. */
function uniqueById<Node extends { id: string }>(nodes: readonly Node[]): Node[] {
  return [...new Map(nodes.map((node) => [node.id, node])).values()];
}
