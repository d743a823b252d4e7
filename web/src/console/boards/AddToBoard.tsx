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
  const [problem, setProblem] = useState<string | null>(null);
  const put = async (board: Board) => {
    const refusal = await putOnBoard(board, imageId);
    setProblem(refusal);
    if (refusal === null) onDone();
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
      {problem && (
        <p className="field-error" role="alert">
          {problem}
        </p>
      )}
      <NewBoardByTitle onMade={put} />
    </div>
  );
}
