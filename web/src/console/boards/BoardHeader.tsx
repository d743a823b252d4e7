import { Link, useLocation } from 'wouter';
import { useDraft } from '../create/DraftProvider';
import { messages } from '../messages';
import { ConfirmButton } from '../ui/ConfirmButton';
import { Icon } from '../ui/Icon';
import { useSignal } from '../ui/signal';
import { showToast } from '../ui/Toaster';
import type { Board } from './boardStore';
import { BoardTitle } from './BoardTitle';
import type { OpenBoard } from './openBoard';

interface Props {
  openBoard: OpenBoard;
  board: Board;
}

export function BoardHeader({ openBoard, board }: Props) {
  const { nodes, hasMore } = useSignal(openBoard.images.state);
  return (
    <header className="board-header">
      <Link href="/boards" className="hint">
        {messages.boards.all}
      </Link>
      <BoardTitle openBoard={openBoard} title={board.title} />
      <p className="hint">
        {messages.boards.kinds[board.kind]} · {messages.boards.imageCount(nodes.length, hasMore)}
      </p>
      <Actions openBoard={openBoard} board={board} />
    </header>
  );
}

function Actions({ openBoard, board }: Props) {
  const { change } = useDraft();
  const [, navigate] = useLocation();
  const createImages = () => {
    change({ boardId: board.id });
    navigate('/');
  };
  const remove = async () => {
    const result = await openBoard.delete();
    if ('errorMessage' in result) return result.errorMessage;
    showToast(messages.boards.deleted(board.title));
    navigate('/boards');
  };
  return (
    <div className="row board-actions">
      <button type="button" className="primary" onClick={createImages}>
        {messages.boards.createImages}
      </button>
      <ConfirmButton
        trigger={
          <>
            <Icon name="remove" /> {messages.boards.delete}
          </>
        }
        className="quiet"
        question={messages.boards.deleteQuestion(board.title)}
        consequence={messages.boards.deleteConsequence}
        action={messages.boards.delete}
        onConfirm={remove}
        danger
      />
    </div>
  );
}
