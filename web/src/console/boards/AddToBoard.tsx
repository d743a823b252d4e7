import { useState } from 'react';
import { Icon } from '../ui/Icon';
import { Panel } from '../ui/Panel';
import { useSignal } from '../ui/signal';
import type { Board } from './boardList';
import { useBoardList, useBoards } from './boards';
import { Cover } from './Cover';
import { NewBoardByTitle } from './NewBoardByTitle';
import { usePutOnBoard } from './usePutOnBoard';

interface Props {
  imageId: string;
  /** The id of what tells the image from others. */
  about?: string;
}

/** The way onto a board without dragging. */
export function AddToBoard({ imageId, about }: Props) {
  return (
    <Panel button={<Icon name="boards" />} name="Add to a board" about={about} className="icon-button">
      {(close) => <Choice imageId={imageId} onDone={close} />}
    </Panel>
  );
}

function Choice({ imageId, onDone }: { imageId: string; onDone: () => void }) {
  const boards = useBoards();
  const { list } = useBoardList();
  const { more } = useSignal(list.shown);
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
      {more && (
        <button type="button" className="quiet" onClick={list.showMore}>
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
