import { useLayoutEffect, useRef, useState } from 'react';
import { Link } from 'wouter';
import { messages } from '../messages';
import { useSignal } from '../ui/signal';
import { showToast } from '../ui/Toaster';
import type { BoardResult } from './boardStore';
import { BoardTile, type Control } from './BoardTile';
import type { BoardImage, OpenBoard } from './openBoard';

export function BoardImages({ openBoard }: { openBoard: OpenBoard }) {
  const { nodes, hasMore } = useSignal(openBoard.images.state);
  const [announcement, setAnnouncement] = useState('');
  const { list, restoreFocusTo } = useFocusRestoration(nodes);

  const change = async (change: Promise<BoardResult>, done: string) => {
    const result = await change;
    restoreFocusTo(null);
    if ('errorMessage' in result) showToast(result.errorMessage, 'error');
    else setAnnouncement(done);
  };
  const moveTo = async (image: BoardImage, index: number, control?: Control) => {
    const from = nodes.indexOf(image);
    if (index === from || index === from + 1) return;
    if (index >= nodes.length) await openBoard.images.loadMore();
    const loaded = openBoard.images.state.get();
    const before = loaded.nodes[index]?.id ?? null;
    // The next page could not be loaded, so this is not the end of the board. The list shows the error.
    if (before === null && loaded.hasMore) return;
    if (control) restoreFocusTo({ imageId: image.id, control });
    const to = index > from ? index : index + 1;
    await change(openBoard.move(image.id, before), messages.boards.moved(from + 1, to));
  };
  const drop = (imageId: string, index: number) => {
    const image = nodes.find(({ id }) => id === imageId);
    if (image) void moveTo(image, index);
  };
  const removeImage = (image: BoardImage, index: number) => {
    restoreFocusTo({ imageId: (nodes[index + 1] ?? nodes[index - 1])?.id, control: 'remove' });
    void change(openBoard.removeImage(image.id), messages.boards.removed(index + 1));
  };

  return (
    <>
      {nodes.length === 0 && <EmptyBoard />}
      <ol ref={list} className="gallery">
        {nodes.map((image, index) => (
          <BoardTile
            key={image.id}
            image={image}
            index={index}
            isLast={index === nodes.length - 1 && !hasMore}
            onBroken={openBoard.images.reload}
            onEarlier={() => void moveTo(image, index - 1, 'earlier')}
            onLater={() => void moveTo(image, index + 2, 'later')}
            onRemove={() => removeImage(image, index)}
            onDropImage={(imageId, side) => drop(imageId, side === 'before' ? index : index + 1)}
          />
        ))}
      </ol>
      <p className="visually-hidden" role="status">
        {announcement}
      </p>
    </>
  );
}

interface FocusTarget {
  imageId: string | undefined;
  control: Control;
}

/**
 * Moving or removing a tile loses the focus. While a change is in progress, this restores the focus to the same button,
 * to a neighbor, or to the page if no image is left.
 */
function useFocusRestoration(nodes: readonly BoardImage[]) {
  const list = useRef<HTMLOListElement>(null);
  const target = useRef<FocusTarget | null>(null);
  useLayoutEffect(() => {
    if (!target.current || !isFocusLost()) return;
    const { imageId, control } = target.current;
    const tile = list.current?.querySelector(`[data-image="${imageId}"]`);
    const find = (selector: string) => tile?.querySelector<HTMLElement>(`${selector}:not(:disabled)`);
    (find(`.${control}`) ?? find('button') ?? document.getElementById('main'))?.focus();
  }, [nodes]);
  const restoreFocusTo = (next: FocusTarget | null) => {
    target.current = next;
  };
  return { list, restoreFocusTo };
}

const isFocusLost = () => document.activeElement === document.body || document.activeElement?.matches(':disabled');

function EmptyBoard() {
  return (
    <div className="empty board-empty">
      <h2>{messages.boards.emptyBoard}</h2>
      <p>{messages.boards.emptyBoardHint(<Link href="/">{messages.boards.historyLink}</Link>)}</p>
    </div>
  );
}
