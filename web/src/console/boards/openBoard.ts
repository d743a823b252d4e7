import type { Client } from '@urql/core';
import { useEffect, useMemo } from 'react';
import { useSubscription } from 'urql';
import {
  BoardDocument,
  BoardUpdatedDocument,
  MoveOnBoardDocument,
  RenameBoardDocument,
  TakeOffBoardDocument,
  type BoardImageFragment,
} from '../../gql/graphql';
import { useGateway } from '../gateway/gateway';
import { toPage, PaginatedList, type Update, type PageResult } from '../gateway/paginatedList';
import { Signal } from '../ui/signal';
import type { Answer, Board, BoardList, Change } from './boardList';
import { useBoardList } from './boards';

export type BoardImage = BoardImageFragment;

const pageSize = 100;

export function useOpenBoard(id: string): OpenBoard {
  const { client } = useGateway();
  const boards = useBoardList();
  const board = useMemo(() => new OpenBoard(client, boards, id), [client, boards, id]);
  const [{ data, fetching }] = useSubscription({ query: BoardUpdatedDocument, variables: { id } });
  // At first, at every change, when the connection is back, and when the news end because the board is gone.
  useEffect(() => void board.images.reload(), [board, data, fetching]);
  return board;
}

/** A board that is looked at: what happens to it, wherever, is seen here. */
export class OpenBoard {
  readonly board = new Signal<Board | null>(null);
  /** There is no such board, or no longer. */
  readonly gone = new Signal(false);
  readonly images = new PaginatedList<BoardImage>((after) => this.#fetchPage(after));
  #turn: Promise<unknown> = Promise.resolve();
  #leaving = false;

  constructor(
    readonly client: Client,
    readonly boards: BoardList,
    readonly id: string,
  ) {}

  move(imageId: string, beforeImageId: string | null): Promise<Answer> {
    const variables = { boardId: this.id, imageIds: [imageId], beforeImageId };
    return this.#change(MoveOnBoardDocument, variables, (images) => moved(images, imageId, beforeImageId));
  }

  takeOff(imageId: string): Promise<Answer> {
    const variables = { boardId: this.id, imageIds: [imageId] };
    return this.#change(TakeOffBoardDocument, variables, (images) => images.filter(({ id }) => id !== imageId));
  }

  rename(title: string): Promise<Answer> {
    return this.#change(RenameBoardDocument, { id: this.id, title }, (images) => images);
  }

  async delete(): Promise<Answer> {
    this.#leaving = true;
    const answer = await this.boards.remove(this.id);
    this.#leaving = 'board' in answer;
    return answer;
  }

  /** Each change counts on the order that the one before it left. */
  #change<Variables extends object>(document: Change<Variables>, variables: Variables, edit: Update<BoardImage>) {
    const work = this.#turn.then(async () => {
      const answer = await this.boards.change(document, variables);
      if ('board' in answer) this.board.set(answer.board);
      return answer;
    });
    this.#turn = work;
    return this.images.updateOptimistically(edit, work);
  }

  async #fetchPage(after: string | null): Promise<PageResult<BoardImage>> {
    const turn = this.#turn;
    const { data, error } = await this.client.query(BoardDocument, { id: this.id, first: pageSize, after });
    if (!data) return toPage<BoardImage>(undefined, error);
    if (!data.board) return this.#leave();
    const { images, ...board } = data.board;
    // What was changed meanwhile is newer.
    if (turn === this.#turn) {
      this.board.set(board);
      this.boards.put(board);
    }
    return toPage(images);
  }

  #leave(): PageResult<BoardImage> {
    // Whoever deletes it here need not be told.
    if (!this.#leaving) this.gone.set(true);
    this.boards.forget(this.id);
    return { nodes: [], cursor: null, hasMore: false };
  }
}

/** The images with this one before another, or at their end. */
function moved(images: readonly BoardImage[], id: string, beforeId: string | null): readonly BoardImage[] {
  const image = images.find((each) => each.id === id);
  if (!image || id === beforeId) return images;
  const others = images.filter((other) => other !== image);
  const place = others.findIndex((other) => other.id === beforeId);
  return others.toSpliced(place < 0 ? others.length : place, 0, image);
}
