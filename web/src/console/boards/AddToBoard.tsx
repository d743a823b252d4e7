import { useState } from 'react';
import { Icon } from '../ui/Icon';
import { Popover } from '../ui/Popover';
import { useSignal } from '../ui/signal';
import type { Board } from './boardList';
import { useBoardList, useBoards } from './boards';
import { Cover } from './Cover';
import { NewBoardByTitle } from './NewBoardByTitle';
import { usePutOnBoard } from './usePutOnBoard';

interface Props {
  imageId: string;
  /** The id of an element that describes the image. */
  describedBy?: string;
}

/** Adds an image to a board without dragging. */
export function AddToBoard({ imageId, describedBy }: Props) {
  return (
    <Popover trigger={<Icon name="boards" />} label="Add to a board" describedBy={describedBy} className="icon-button">
      {(close) => <Choice imageId={imageId} onDone={close} />}
    </Popover>
  );
}

function Choice({ imageId, onDone }: { imageId: string; onDone: () => void }) {
  const boards = useBoards();
  const { list } = useBoardList();
  const { hasMore } = useSignal(list.state);
  const putOnBoard = usePutOnBoard();
  const [errorMessage, setErrorMessage] = useState<string | null>(null);
  const put = async (board: Board) => {
    const failure = await putOnBoard(board, imageId);
    setErrorMessage(failure);
    if (failure === null) onDone();
  };

  return (
    <div className="board-choice">
      {boards.map((board) => (
        <button key={board.id} type="button" className="quiet" onClick={() => void put(board)}>
          <Cover board={board} most={1} />
          <span className="board-name">{board.title}</span>
        </button>
      ))}
      {hasMore && (
        <button type="button" className="quiet" onClick={list.loadMore}>
          Show more
        </button>
      )}
      {errorMessage && (
        <p className="field-error" role="alert">
          {errorMessage}
        </p>
      )}
      <NewBoardByTitle onMade={put} />
    </div>
  );
}
