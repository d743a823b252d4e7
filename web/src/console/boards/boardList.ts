import type { Client, DocumentInput } from '@urql/core';
import {
  AddToBoardDocument,
  BoardsDocument,
  CreateBoardDocument,
  DeleteBoardDocument,
  type BoardAnswerFragment,
  type BoardCardFragment,
  type CreateBoardInput,
} from '../../gql/graphql';
import { toPage, PaginatedList } from '../gateway/paginatedList';
import { describeError } from '../gateway/errors';
import { newestFirst } from '../gateway/taskStore';
import { Signal } from '../ui/signal';

export type Board = BoardCardFragment;
export type Answer = { board: Board } | { errorMessage: string };
export type Change<Variables extends object> = DocumentInput<{ answer: BoardAnswerFragment }, Variables>;

const pageSize = 24;

/** The viewer's boards, newest first. All changes go through here, so that all that shows boards shows them at once. */
export class BoardList {
  readonly list = new PaginatedList<Board>((after) => this.#fetchPage(after));
  /** Boards that were opened though the list was not read so far. */
  readonly visited = new Signal<readonly Board[]>([]);
  readonly #client: Client;
  readonly #deleted = new Set<string>();

  constructor(client: Client) {
    this.#client = client;
  }

  readonly make = (input: CreateBoardInput) => this.change(CreateBoardDocument, { input });

  readonly add = (boardId: string, imageId: string) =>
    this.change(AddToBoardDocument, { boardId, imageIds: [imageId] });

  async remove(id: string): Promise<Answer> {
    const answer = await this.#ask(DeleteBoardDocument, { id });
    if ('board' in answer) this.forget(id);
    return answer;
  }

  async change<Variables extends object>(document: Change<Variables>, variables: Variables): Promise<Answer> {
    const answer = await this.#ask(document, variables);
    if ('board' in answer) this.put(answer.board);
    return answer;
  }

  put(board: Board) {
    if (this.#deleted.has(board.id)) return;
    const { nodes, hasMore } = this.list.state.get();
    const last = nodes.at(-1);
    const isReached = !hasMore || (last !== undefined && newestFirst(board, last) <= 0);
    if (isReached) this.list.update((known) => withBoard(known, board));
    else this.visited.set(withBoard(this.visited.get(), board));
  }

  /** For good: no late answer brings it back. */
  forget(id: string) {
    this.#deleted.add(id);
    const others = (boards: readonly Board[]) => boards.filter((board) => board.id !== id);
    this.list.update(others);
    this.visited.set(others(this.visited.get()));
  }

  async #ask<Variables extends object>(document: Change<Variables>, variables: Variables): Promise<Answer> {
    const { data, error } = await this.#client.mutation(document, variables);
    if (!data) return { errorMessage: error ? describeError(error) : 'The gateway gave no answer.' };
    return 'board' in data.answer ? data.answer : { errorMessage: data.answer.message };
  }

  async #fetchPage(after: string | null) {
    const { data, error } = await this.#client.query(BoardsDocument, { first: pageSize, after });
    return toPage(data?.boards, error);
  }
}

const withBoard = (boards: readonly Board[], board: Board): readonly Board[] =>
  [...boards.filter(({ id }) => id !== board.id), board].sort(newestFirst);
