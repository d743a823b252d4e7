import { useLayoutEffect, useRef, useState } from 'react';
import { Link } from 'wouter';
import { showToast } from '../ui/Toaster';
import { useSignal } from '../ui/signal';
import type { Answer } from './boardList';
import { BoardTile, type Control } from './BoardTile';
import type { BoardImage, OpenBoard } from './openBoard';

/** The images in rows of one height, in the order of the board. */
export function BoardImages({ open }: { open: OpenBoard }) {
  const { nodes, hasMore } = useSignal(open.images.state);
  const [news, setNews] = useState('');
  const { list, keepFocus } = useKeptFocus(nodes);

  const change = async (change: Promise<Answer>, done: string) => {
    const answer = await change;
    keepFocus(null);
    if ('errorMessage' in answer) showToast(answer.errorMessage, 'error');
    else setNews(done);
  };
  const moveTo = async (image: BoardImage, place: number, control?: Control) => {
    const from = nodes.indexOf(image);
    if (place === from || place === from + 1) return;
    if (place >= nodes.length) await open.images.loadMore();
    const loaded = open.images.state.get();
    const before = loaded.nodes[place]?.id ?? null;
    // Not the end of the board, but what could not be read: the list says so.
    if (before === null && loaded.hasMore) return;
    if (control) keepFocus({ imageId: image.id, control });
    const to = place > from ? place : place + 1;
    await change(open.move(image.id, before), `Image ${from + 1} is now image ${to}.`);
  };
  const drop = (imageId: string, place: number) => {
    const image = nodes.find(({ id }) => id === imageId);
    if (image) void moveTo(image, place);
  };
  const takeOff = (image: BoardImage, place: number) => {
    keepFocus({ imageId: (nodes[place + 1] ?? nodes[place - 1])?.id, control: 'take-off' });
    void change(open.takeOff(image.id), `Image ${place + 1} is off the board.`);
  };

  return (
    <>
      {nodes.length === 0 && <NoImages />}
      <ol ref={list} className="gallery">
        {nodes.map((image, place) => (
          <BoardTile
            key={image.id}
            image={image}
            place={place}
            isLast={place === nodes.length - 1 && !hasMore}
            onBroken={open.images.reload}
            onEarlier={() => void moveTo(image, place - 1, 'earlier')}
            onLater={() => void moveTo(image, place + 2, 'later')}
            onTakeOff={() => takeOff(image, place)}
            onDropImage={(imageId, side) => drop(imageId, side === 'before' ? place : place + 1)}
          />
        ))}
      </ol>
      <p className="visually-hidden" role="status">
        {news}
      </p>
    </>
  );
}

interface Kept {
  imageId: string | undefined;
  control: Control;
}

/**
 * A tile that is moved or removed takes the focus with it. While a change is under way, this gives it back: to the same
 * button, to its neighbour, or to the page where no image is left.
 */
function useKeptFocus(nodes: readonly BoardImage[]) {
  const list = useRef<HTMLOListElement>(null);
  const kept = useRef<Kept | null>(null);
  useLayoutEffect(() => {
    if (!kept.current || !isFocusLost()) return;
    const { imageId, control } = kept.current;
    const tile = list.current?.querySelector(`[data-image="${imageId}"]`);
    const find = (selector: string) => tile?.querySelector<HTMLElement>(`${selector}:not(:disabled)`);
    (find(`.${control}`) ?? find('button') ?? document.getElementById('main'))?.focus();
  }, [nodes]);
  const keepFocus = (next: Kept | null) => {
    kept.current = next;
  };
  return { list, keepFocus };
}

const isFocusLost = () => document.activeElement === document.body || document.activeElement?.matches(':disabled');

function NoImages() {
  return (
    <div className="empty board-empty">
      <h2>Nothing on this board yet</h2>
      <p>
        Drag images from <Link href="/">your history</Link> onto the board’s name at the side, or use their “Add to a
        board” button. What you make for this board lands here by itself.
      </p>
    </div>
  );
}
