import type { Client } from '@urql/core';
import { useEffect, useState } from 'react';
import { useClient } from 'urql';
import { onEnd, pipe, subscribe } from 'wonka';
import {
  BoardDocument,
  BoardUpdatedDocument,
  MoveOnBoardDocument,
  TakeOffBoardDocument,
  type BoardImageFragment,
} from '../../gql/graphql';
import { describe } from '../gateway/problem';
import { Signal } from '../ui/signal';
import type { Answer, Board, BoardList } from './boardList';
import { useBoardList } from './boards';
import { moved } from './order';
import { Paged, type Page } from './paged';

export type BoardImage = BoardImageFragment;

const pageSize = 100;
const followAgainAfterMs = 3_000;

export function useOpenBoard(id: string): OpenBoard {
  const client = useClient();
  const boards = useBoardList();
  const [board] = useState(() => new OpenBoard(client, boards, id));
  useEffect(() => board.follow(), [board]);
  return board;
}

/** A board that is looked at: what happens to it, wherever, is seen here. */
export class OpenBoard {
  readonly board = new Signal<Board | null>(null);
  /** There is no such board, or no longer. */
  readonly gone = new Signal(false);
  readonly images = new Paged<BoardImage>((after) => this.#readPage(after));
  #turn: Promise<unknown> = Promise.resolve();
  #leaving = false;

  constructor(
    readonly client: Client,
    readonly boards: BoardList,
    readonly id: string,
  ) {}

  follow(): () => void {
    let timer: ReturnType<typeof setTimeout>;
    let stop = () => {};
    const listen = () => {
      stop = onNews(this.client, this.id, this.images.read, ended);
    };
    const ended = () => {
      void this.images.read();
      timer = setTimeout(() => this.gone.get() || listen(), followAgainAfterMs);
    };
    listen();
    return () => {
      clearTimeout(timer);
      stop();
    };
  }

  move(imageId: string, beforeImageId: string | null): Promise<Answer> {
    const variables = { boardId: this.id, imageIds: [imageId], beforeImageId };
    return this.images.expect(
      (images) => moved(images, imageId, beforeImageId),
      () => this.#inTurn(() => this.boards.change(MoveOnBoardDocument, variables)),
    );
  }

  takeOff(imageId: string): Promise<Answer> {
    const variables = { boardId: this.id, imageIds: [imageId] };
    return this.images.expect(
      (images) => images.filter(({ id }) => id !== imageId),
      () => this.#inTurn(() => this.boards.change(TakeOffBoardDocument, variables)),
    );
  }

  async delete(): Promise<Answer> {
    this.#leaving = true;
    const answer = await this.boards.remove(this.id);
    this.#leaving = 'board' in answer;
    return answer;
  }

  /** Each change counts on the order that the one before it left. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done;
    return done;
  }

  async #readPage(after: string | null): Promise<Page<BoardImage> | { problem: string }> {
    const { data, error } = await this.client.query(BoardDocument, { id: this.id, first: pageSize, after });
    if (!data) return { problem: error ? describe(error) : 'The gateway gave no answer.' };
    if (!data.board) return this.#leave();
    const { images, ...board } = data.board;
    this.board.set(board);
    this.boards.put(board);
    return { nodes: images.nodes, cursor: images.pageInfo.endCursor, more: images.pageInfo.hasNextPage };
  }

  #leave(): Page<BoardImage> {
    // Whoever deletes it here need not be told.
    if (!this.#leaving) this.gone.set(true);
    this.boards.forget(this.id);
    return { nodes: [], cursor: null, more: false };
  }
}

/** Calls `read` at first, at every change of the board, and when the connection is back; `ended` when that is over. */
function onNews(client: Client, id: string, read: () => void, ended: () => void): () => void {
  let over = false;
  const end = () => {
    if (over) return;
    over = true;
    ended();
  };
  const { unsubscribe } = pipe(
    client.subscription(BoardUpdatedDocument, { id }),
    onEnd(end),
    subscribe(({ error }) => (error ? end() : read())),
  );
  return () => {
    over = true;
    unsubscribe();
  };
}
