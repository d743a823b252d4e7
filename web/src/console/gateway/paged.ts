import type { CombinedError } from '@urql/core';
import { Signal } from '../ui/signal';
import { describe } from './problem';

interface Page<Node> {
  nodes: readonly Node[];
  cursor: string | null;
  more: boolean;
}

interface Shown<Node> extends Page<Node> {
  /** How many pages were read; 0 before the first. */
  pages: number;
  problem: string | null;
}

export type PageAnswer<Node> = Page<Node> | { problem: string };
export type Edit<Node> = (nodes: readonly Node[]) => readonly Node[];

const nothing = { nodes: [], cursor: null, more: true, pages: 0, problem: null };

/** A list that is read page by page, again as far as it was read, and changed here before the gateway answers. */
export class Paged<Node extends { id: string }> {
  readonly shown = new Signal<Shown<Node>>(nothing);
  readonly #readPage: (after: string | null) => Promise<PageAnswer<Node>>;
  /** As the gateway has it; what is expected comes on top in what is shown. */
  #known: Shown<Node> = nothing;
  #expected: readonly Edit<Node>[] = [];
  #edits = 0;
  #wantedPages = 1;
  #again = false;
  #reading: Promise<void> | null = null;

  constructor(readPage: (after: string | null) => Promise<PageAnswer<Node>>) {
    this.#readPage = readPage;
  }

  /** One reading at a time: one that began before it was asked for does not count. */
  readonly read = (): Promise<void> => {
    this.#again = true;
    return (this.#reading ??= this.#readAll());
  };

  readonly showMore = async (): Promise<void> => {
    if (!this.#known.more) return;
    this.#wantedPages = this.#known.pages + 1;
    await (this.#reading ??= this.#readAll());
  };

  edit(change: Edit<Node>) {
    this.#edits++;
    this.#show({ ...this.#known, nodes: change(this.#known.nodes) });
  }

  /** Shows what will be while it is being done, and then what is. */
  async expect<T extends object>(change: Edit<Node>, done: Promise<T>): Promise<T> {
    this.#expected = [...this.#expected, change];
    this.#show(this.#known);
    const answer = await done;
    this.#expected = this.#expected.filter((other) => other !== change);
    this.edit('problem' in answer ? (nodes) => nodes : change);
    if (this.#expected.length === 0) void this.read();
    return answer;
  }

  async #readAll() {
    do {
      const start = this.#again ? nothing : this.#known;
      this.#again = false;
      await this.#readFrom(start);
    } while (this.#again);
    this.#reading = null;
  }

  async #readFrom(start: Shown<Node>) {
    const edits = this.#edits;
    let read = start;
    while (read.more && read.pages < this.#wantedPages) {
      const page = await this.#readPage(read.cursor);
      if ('problem' in page) return this.#show({ ...this.#known, problem: page.problem });
      read = { ...page, nodes: [...read.nodes, ...page.nodes], pages: read.pages + 1, problem: null };
    }
    // What was changed here meanwhile may be missing in what was read.
    if (edits !== this.#edits) this.#again = true;
    else this.#show({ ...read, nodes: once(read.nodes) });
  }

  #show(known: Shown<Node>) {
    this.#known = known;
    this.shown.set({ ...known, nodes: this.#expected.reduce((nodes, change) => change(nodes), known.nodes) });
  }
}

interface Connection<Node> {
  nodes: readonly Node[];
  pageInfo: { hasNextPage: boolean; endCursor: string | null };
}

/** The page that a query answered, or why there is none. */
export function pageOf<Node>(connection: Connection<Node> | undefined, error?: CombinedError): PageAnswer<Node> {
  if (!connection) return { problem: error ? describe(error) : 'The gateway gave no answer.' };
  const { nodes, pageInfo } = connection;
  return { nodes, cursor: pageInfo.endCursor, more: pageInfo.hasNextPage };
}

/** Something may move to a later page between two readings. */
function once<Node extends { id: string }>(nodes: readonly Node[]): Node[] {
  return [...new Map(nodes.map((node) => [node.id, node])).values()];
}
