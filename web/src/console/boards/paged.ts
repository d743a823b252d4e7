import { Signal } from '../ui/signal';

export interface Page<Node> {
  nodes: readonly Node[];
  cursor: string | null;
  more: boolean;
}

export interface Shown<Node> extends Page<Node> {
  /** How many pages were read; 0 before the first. */
  pages: number;
  problem: string | null;
}

type ReadPage<Node> = (after: string | null) => Promise<Page<Node> | { problem: string }>;

const nothing = { nodes: [], cursor: null, more: true, pages: 0, problem: null };

/** A list that is read page by page, again as far as it was read, and changed here before the gateway answers. */
export class Paged<Node extends { id: string }> {
  readonly shown = new Signal<Shown<Node>>(nothing);
  readonly #readPage: ReadPage<Node>;
  #wantedPages = 1;
  #busy = false;
  #again = false;
  #edits = 0;
  #expecting = 0;

  constructor(readPage: ReadPage<Node>) {
    this.#readPage = readPage;
  }

  readonly read = async () => {
    this.#again = true;
    if (this.#busy) return;
    this.#busy = true;
    while (this.#again && this.#expecting === 0) {
      this.#again = false;
      await this.#readFrom(nothing);
    }
    this.#busy = false;
  };

  readonly showMore = async () => {
    const { pages, more } = this.shown.get();
    if (!more || this.#wantedPages > pages) return;
    this.#wantedPages = pages + 1;
    if (this.#busy) return;
    this.#busy = true;
    await this.#readFrom(this.shown.get());
    this.#busy = false;
    if (this.#again) await this.read();
  };

  edit(change: (nodes: readonly Node[]) => readonly Node[]) {
    this.#edits++;
    const shown = this.shown.get();
    this.shown.set({ ...shown, nodes: change(shown.nodes) });
  }

  /** Shows what will be while it is being done, and then what is. */
  async expect<T>(change: (nodes: readonly Node[]) => readonly Node[], work: () => Promise<T>): Promise<T> {
    this.edit(change);
    this.#expecting++;
    const done = await work();
    this.#expecting--;
    if (this.#expecting === 0) void this.read();
    return done;
  }

  async #readFrom(start: Shown<Node>) {
    const edits = this.#edits;
    let read = start;
    while (read.more && read.pages < this.#wantedPages) {
      const page = await this.#readPage(read.cursor);
      if ('problem' in page) return this.#fail(page.problem);
      read = { ...page, nodes: [...read.nodes, ...page.nodes], pages: read.pages + 1, problem: null };
    }
    // What was changed here meanwhile may be missing in what was read.
    if (edits !== this.#edits) this.#again = true;
    else this.shown.set({ ...read, nodes: once(read.nodes) });
  }

  #fail(problem: string) {
    const shown = this.shown.get();
    this.#wantedPages = Math.max(shown.pages, 1);
    this.shown.set({ ...shown, problem });
  }
}

/** Something may move to a later page between two readings. */
function once<Node extends { id: string }>(nodes: readonly Node[]): Node[] {
  return [...new Map(nodes.map((node) => [node.id, node])).values()];
}
