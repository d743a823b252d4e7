import { Link, useLocation } from 'wouter';
import { useDraft } from '../create/DraftProvider';
import { ConfirmButton } from '../ui/ConfirmButton';
import { Icon } from '../ui/Icon';
import { showToast } from '../ui/Toaster';
import { useSignal } from '../ui/signal';
import type { Board } from './boardStore';
import { BoardTitle } from './BoardTitle';
import { kindLabel } from './kinds';
import type { OpenBoard } from './openBoard';

interface Props {
  open: OpenBoard;
  board: Board;
}

export function BoardHeader({ open, board }: Props) {
  const { nodes, hasMore } = useSignal(open.images.state);
  return (
    <header className="board-header">
      <Link href="/boards" className="hint">
        All boards
      </Link>
      <BoardTitle open={open} title={board.title} />
      <p className="hint">
        {kindLabel(board.kind)} · {imageCount(nodes.length, hasMore)}
      </p>
      <Actions open={open} board={board} />
    </header>
  );
}

function imageCount(images: number, hasMore: boolean): string {
  if (hasMore) return `more than ${images} images`;
  if (images === 0) return 'no images yet';
  return images === 1 ? '1 image' : `${images} images`;
}

function Actions({ open, board }: Props) {
  const { change } = useDraft();
  const [, navigate] = useLocation();
  const createImages = () => {
    change({ boardId: board.id });
    navigate('/');
  };
  const remove = async () => {
    const result = await open.delete();
    if ('errorMessage' in result) return result.errorMessage;
    showToast(`“${board.title}” is deleted. Its images stay in your history.`);
    navigate('/boards');
  };
  return (
    <div className="row board-actions">
      <button type="button" className="primary" onClick={createImages}>
        Make images for this board
      </button>
      <ConfirmButton
        trigger={
          <>
            <Icon name="remove" /> Delete board
          </>
        }
        className="quiet"
        question={`Delete “${board.title}”?`}
        consequence="The board goes for good. Its images stay in your history, and on other boards."
        action="Delete the board"
        onConfirm={remove}
        danger
      />
    </div>
  );
}
