import { Link } from 'wouter';
import { LoadMore } from '../ui/LoadMore';
import { useSignal } from '../ui/signal';
import type { Board } from './boardStore';
import { BoardHeader } from './BoardHeader';
import { BoardImages } from './BoardImages';
import { useOpenBoard } from './openBoard';

export function BoardPage({ id }: { id: string }) {
  const open = useOpenBoard(id);
  const board = useSignal(open.board);
  const notFound = useSignal(open.notFound);

  if (notFound) return <BoardNotFound board={board} />;
  return (
    <div className="page">
      <title>{`${board?.title ?? 'Board'} · Plantain`}</title>
      {board ? <BoardHeader open={open} board={board} /> : <h1>Opening …</h1>}
      {board && <BoardImages open={open} />}
      <LoadMore list={open.images} infinite />
    </div>
  );
}

function BoardNotFound({ board }: { board: Board | null }) {
  const title = board?.title ?? 'No such board';
  return (
    <div className="page">
      <title>{`${title} · Plantain`}</title>
      <h1>{title}</h1>
      <p className="notice warning" role="alert">
        {board
          ? 'This board was deleted elsewhere. Its images are still in your history.'
          : 'There is no board at this address: it was deleted, or it belongs to somebody else.'}
      </p>
      <p className="row">
        <Link href="/boards">All boards</Link>
        <Link href="/">Your history</Link>
      </p>
    </div>
  );
}
