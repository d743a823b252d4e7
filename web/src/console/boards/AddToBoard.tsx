import { useState } from 'react';
import { messages } from '../messages';
import { Icon } from '../ui/Icon';
import { Popover } from '../ui/Popover';
import { useSignal } from '../ui/signal';
import { BoardCover } from './BoardCover';
import { useBoardStore, useBoards } from './BoardsProvider';
import type { Board } from './boardStore';
import { QuickCreateBoard } from './QuickCreateBoard';
import { useAddToBoard } from './useAddToBoard';

interface Props {
  imageId: string;
  /** The id of an element that describes the image. */
  describedBy?: string;
}

/** Adds an image to a board without dragging. */
export function AddToBoard({ imageId, describedBy }: Props) {
  return (
    <Popover
      trigger={<Icon name="boards" />}
      label={messages.boards.add}
      describedBy={describedBy}
      className="icon-button"
    >
      {(close) => <BoardMenu imageId={imageId} onAdded={close} />}
    </Popover>
  );
}

function BoardMenu({ imageId, onAdded }: { imageId: string; onAdded: () => void }) {
  const boards = useBoards();
  const { list } = useBoardStore();
  const { hasMore } = useSignal(list.state);
  const addToBoard = useAddToBoard();
  const [errorMessage, setErrorMessage] = useState<string | null>(null);
  const add = async (board: Board) => {
    const failure = await addToBoard(board, imageId);
    setErrorMessage(failure);
    if (failure === null) onAdded();
  };

  return (
    <div className="board-menu">
      {boards.map((board) => (
        <button key={board.id} type="button" className="quiet" onClick={() => void add(board)}>
          <BoardCover board={board} max={1} />
          <span className="board-name">{board.title}</span>
        </button>
      ))}
      {hasMore && (
        <button type="button" className="quiet" onClick={list.loadMore}>
          {messages.common.showMore}
        </button>
      )}
      {errorMessage && (
        <p className="field-error" role="alert">
          {errorMessage}
        </p>
      )}
      <QuickCreateBoard onCreated={add} />
    </div>
  );
}
