import { Link } from 'wouter';
import { messages } from '../messages';
import { LoadMore } from '../ui/LoadMore';
import { useSignal } from '../ui/signal';
import { BoardHeader } from './BoardHeader';
import { BoardImages } from './BoardImages';
import type { Board } from './boardStore';
import { useOpenBoard } from './openBoard';

export function BoardPage({ id }: { id: string }) {
  const openBoard = useOpenBoard(id);
  const board = useSignal(openBoard.board);
  const notFound = useSignal(openBoard.notFound);

  if (notFound) return <BoardNotFound board={board} />;
  return (
    <div className="page">
      <title>{messages.common.pageTitle(board?.title ?? messages.common.board)}</title>
      {board ? <BoardHeader openBoard={openBoard} board={board} /> : <h1>{messages.common.loading}</h1>}
      {board && <BoardImages openBoard={openBoard} />}
      <LoadMore list={openBoard.images} infinite />
    </div>
  );
}

function BoardNotFound({ board }: { board: Board | null }) {
  const title = board?.title ?? messages.boards.notFound;
  return (
    <div className="page">
      <title>{messages.common.pageTitle(title)}</title>
      <h1>{title}</h1>
      <p className="notice warning" role="alert">
        {board ? messages.boards.deletedElsewhere : messages.boards.notFoundHint}
      </p>
      <p className="row">
        <Link href="/boards">{messages.boards.all}</Link>
        <Link href="/">{messages.common.history}</Link>
      </p>
    </div>
  );
}
