import { useLayoutEffect, useRef, useState } from 'react';
import { Link } from 'wouter';
import { say } from '../ui/messages';
import { useSignal } from '../ui/signal';
import { BoardTile, type Control } from './BoardTile';
import type { BoardImage, OpenBoard } from './openBoard';

/** The images in rows of one height, in the order of the board. */
export function BoardImages({ open }: { open: OpenBoard }) {
  const { nodes, more } = useSignal(open.images.shown);
  const [news, setNews] = useState('');
  const { list, keepFocus } = useKeptFocus(nodes);

  /** Undefined: what it would stand before was not read yet. */
  const idAt = (place: number) => nodes[place]?.id ?? (more ? undefined : null);
  const moveTo = async (image: BoardImage, place: number) => {
    const before = idAt(place);
    if (before === undefined) return open.images.showMore();
    const from = nodes.indexOf(image);
    const answer = await open.move(image.id, before);
    if ('problem' in answer) say(answer.problem, 'bad');
    else setNews(`Image ${from + 1} is now image ${place > from ? place : place + 1}.`);
  };
  const dropAt = async (imageId: string, place: number) => {
    const image = nodes.find(({ id }) => id === imageId);
    if (image) return moveTo(image, place);
    const answer = await open.boards.add(open.id, imageId);
    if ('problem' in answer) say(answer.problem, 'bad');
  };
  const takeOff = async (image: BoardImage, place: number) => {
    keepFocus((nodes[place + 1] ?? nodes[place - 1])?.id, 'take-off');
    const answer = await open.takeOff(image.id);
    if ('problem' in answer) say(answer.problem, 'bad');
    else setNews(`Image ${place + 1} is off the board.`);
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
            isLast={place === nodes.length - 1 && !more}
            onBroken={open.images.read}
            onEarlier={() => {
              keepFocus(image.id, 'earlier');
              void moveTo(image, place - 1);
            }}
            onLater={() => {
              keepFocus(image.id, 'later');
              void moveTo(image, place + 2);
            }}
            onTakeOff={() => void takeOff(image, place)}
            onDropImage={(imageId, side) => void dropAt(imageId, side === 'before' ? place : place + 1)}
          />
        ))}
      </ol>
      <p className="unseen" role="status">
        {news}
      </p>
    </>
  );
}

/** A tile that is moved or removed takes the focus with it: this gives it back, to the same button or its neighbour. */
function useKeptFocus(nodes: readonly BoardImage[]) {
  const list = useRef<HTMLOListElement>(null);
  const kept = useRef<{ imageId: string; control: Control } | null>(null);
  useLayoutEffect(() => {
    if (!kept.current) return;
    const { imageId, control } = kept.current;
    const tile = list.current?.querySelector(`[data-image="${imageId}"]`);
    const find = (selector: string) => tile?.querySelector<HTMLElement>(`${selector}:not(:disabled)`);
    (find(`.${control}`) ?? find('button'))?.focus();
    kept.current = null;
  }, [nodes]);
  const keepFocus = (imageId: string | undefined, control: Control) => {
    kept.current = imageId === undefined ? null : { imageId, control };
  };
  return { list, keepFocus };
}

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
