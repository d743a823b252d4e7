import type { Client, DocumentInput } from '@urql/core';
import {
  AddToBoardDocument,
  BoardsDocument,
  CreateBoardDocument,
  DeleteBoardDocument,
  type BoardResultFieldsFragment,
  type BoardCardFragment,
  type CreateBoardInput,
} from '../../gql/graphql';
import { describeError } from '../gateway/errors';
import { toPage, PaginatedList } from '../gateway/paginatedList';
import { newestFirst } from '../gateway/taskStore';
import { messages } from '../messages';
import { Signal } from '../ui/signal';

export type Board = BoardCardFragment;
export type BoardResult = { board: Board } | { errorMessage: string };
export type BoardMutation<Variables extends object> = DocumentInput<{ result: BoardResultFieldsFragment }, Variables>;

const pageSize = 24;

/** The viewer's boards, newest first. All changes go through this class, so that all components show them at once. */
export class BoardStore {
  readonly list = new PaginatedList<Board>((after) => this.#fetchPage(after));
  /** Opened boards that are older than the loaded pages. */
  readonly visited = new Signal<readonly Board[]>([]);
  readonly #client: Client;
  readonly #deleted = new Set<string>();

  constructor(client: Client) {
    this.#client = client;
  }

  readonly create = (input: CreateBoardInput) => this.change(CreateBoardDocument, { input });

  readonly add = (boardId: string, imageId: string) =>
    this.change(AddToBoardDocument, { boardId, imageIds: [imageId] });

  async remove(id: string): Promise<BoardResult> {
    const result = await this.#mutate(DeleteBoardDocument, { id });
    if ('board' in result) this.removeLocally(id);
    return result;
  }

  async change<Variables extends object>(
    document: BoardMutation<Variables>,
    variables: Variables,
  ): Promise<BoardResult> {
    const result = await this.#mutate(document, variables);
    if ('board' in result) this.put(result.board);
    return result;
  }

  put(board: Board) {
    if (this.#deleted.has(board.id)) return;
    const { nodes, hasMore } = this.list.state.get();
    const last = nodes.at(-1);
    const isInLoadedRange = !hasMore || (last !== undefined && newestFirst(board, last) <= 0);
    if (isInLoadedRange) this.list.update((nodes) => withBoard(nodes, board));
    else this.visited.set(withBoard(this.visited.get(), board));
  }

  /** Permanent: a late response must not bring the board back. */
  removeLocally(id: string) {
    this.#deleted.add(id);
    const withoutBoard = (boards: readonly Board[]) => boards.filter((board) => board.id !== id);
    this.list.update(withoutBoard);
    this.visited.set(withoutBoard(this.visited.get()));
  }

  async #mutate<Variables extends object>(
    document: BoardMutation<Variables>,
    variables: Variables,
  ): Promise<BoardResult> {
    const { data, error } = await this.#client.mutation(document, variables);
    if (!data) return { errorMessage: error ? describeError(error) : messages.errors.noResponse };
    return 'board' in data.result ? data.result : { errorMessage: data.result.message };
  }

  async #fetchPage(after: string | null) {
    const { data, error } = await this.#client.query(BoardsDocument, { first: pageSize, after });
    return toPage(data?.boards, error);
  }
}

const withBoard = (boards: readonly Board[], board: Board): readonly Board[] =>
  [...boards.filter(({ id }) => id !== board.id), board].sort(newestFirst);
