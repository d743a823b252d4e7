import type { Client } from '@urql/core';
import { useEffect, useMemo } from 'react';
import { useSubscription } from 'urql';
import {
  BoardDocument,
  BoardUpdatedDocument,
  MoveOnBoardDocument,
  RenameBoardDocument,
  RemoveFromBoardDocument,
  type BoardImageFragment,
} from '../../gql/graphql';
import { useGateway } from '../gateway/gateway';
import { toPage, PaginatedList, type Update, type PageResult } from '../gateway/paginatedList';
import { Signal } from '../ui/signal';
import { useBoardStore } from './BoardsProvider';
import type { BoardResult, Board, BoardStore, BoardMutation } from './boardStore';

export type BoardImage = BoardImageFragment;

const pageSize = 100;

export function useOpenBoard(id: string): OpenBoard {
  const { client } = useGateway();
  const boards = useBoardStore();
  const board = useMemo(() => new OpenBoard(client, boards, id), [client, boards, id]);
  const [{ data, fetching }] = useSubscription({ query: BoardUpdatedDocument, variables: { id } });
  // On mount, on every event, after a reconnect, and when the subscription ends because the board was deleted.
  useEffect(() => void board.images.reload(), [board, data, fetching]);
  return board;
}

/** The board on the page. It follows changes that are made elsewhere. */
export class OpenBoard {
  readonly board = new Signal<Board | null>(null);
  /** True when the board does not exist or was deleted. */
  readonly notFound = new Signal(false);
  readonly images = new PaginatedList<BoardImage>((after) => this.#fetchPage(after));
  #lastChange: Promise<unknown> = Promise.resolve();
  #deleting = false;

  constructor(
    readonly client: Client,
    readonly boards: BoardStore,
    readonly id: string,
  ) {}

  move(imageId: string, beforeImageId: string | null): Promise<BoardResult> {
    const variables = { boardId: this.id, imageIds: [imageId], beforeImageId };
    return this.#change(MoveOnBoardDocument, variables, (images) => moveBefore(images, imageId, beforeImageId));
  }

  removeImage(imageId: string): Promise<BoardResult> {
    const variables = { boardId: this.id, imageIds: [imageId] };
    return this.#change(RemoveFromBoardDocument, variables, (images) => images.filter(({ id }) => id !== imageId));
  }

  rename(title: string): Promise<BoardResult> {
    return this.#change(RenameBoardDocument, { id: this.id, title }, (images) => images);
  }

  async delete(): Promise<BoardResult> {
    this.#deleting = true;
    const result = await this.boards.remove(this.id);
    this.#deleting = 'board' in result;
    return result;
  }

  /** Runs one change at a time: each one depends on the order of images that the previous one left. */
  #change<Variables extends object>(
    document: BoardMutation<Variables>,
    variables: Variables,
    update: Update<BoardImage>,
  ) {
    const change = this.#lastChange.then(async () => {
      const result = await this.boards.change(document, variables);
      if ('board' in result) this.board.set(result.board);
      return result;
    });
    this.#lastChange = change;
    return this.images.updateOptimistically(update, change);
  }

  async #fetchPage(after: string | null): Promise<PageResult<BoardImage>> {
    const lastChange = this.#lastChange;
    const { data, error } = await this.client.query(BoardDocument, { id: this.id, first: pageSize, after });
    if (!data) return toPage<BoardImage>(undefined, error);
    if (!data.board) return this.#handleNotFound();
    const { images, ...board } = data.board;
    // A change that started meanwhile has newer data.
    if (lastChange === this.#lastChange) {
      this.board.set(board);
      this.boards.put(board);
    }
    return toPage(images);
  }

  #handleNotFound(): PageResult<BoardImage> {
    // The user who deletes the board here does not need a notice.
    if (!this.#deleting) this.notFound.set(true);
    this.boards.removeLocally(this.id);
    return { nodes: [], cursor: null, hasMore: false };
  }
}

/** Moves an image before another one, or to the end. */
function moveBefore(images: readonly BoardImage[], id: string, beforeId: string | null): readonly BoardImage[] {
  const image = images.find((each) => each.id === id);
  if (!image || id === beforeId) return images;
  const others = images.filter((other) => other !== image);
  const index = others.findIndex((other) => other.id === beforeId);
  return others.toSpliced(index < 0 ? others.length : index, 0, image);
}
