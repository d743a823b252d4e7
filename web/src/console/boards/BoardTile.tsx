import type { DragEvent } from 'react';
import { Link } from 'wouter';
import { Tile } from '../gallery/Tile';
import { startImageDrag } from '../ui/imageDrag';
import { IconButton } from '../ui/IconButton';
import { ImageView } from '../ui/ImageView';
import type { BoardImage } from './openBoard';
import { useDropTarget, type Place } from './useDropTarget';

export type Control = 'earlier' | 'later' | 'take-off';

interface Props {
  image: BoardImage;
  /** Counted from 0. */
  place: number;
  isLast: boolean;
  onBroken: () => void;
  onEarlier: () => void;
  onLater: () => void;
  onTakeOff: () => void;
  onDropImage: (imageId: string, side: Place) => void;
}

export function BoardTile({ image, place, isLast, onBroken, onEarlier, onLater, onTakeOff, onDropImage }: Props) {
  const { over, target } = useDropTarget(onDropImage, sideOf);
  const labels = (action: string) => ({
    label: `${action}: image ${place + 1}`,
    title: action,
  });
  return (
    <Tile
      ratio={ratioOf(image)}
      className={over ? `image board-tile drop-${over}` : 'image board-tile'}
      data-image={image.id}
      draggable
      onDragStart={(event) => startImageDrag(event, image.id)}
      {...target}
    >
      <Link href={`/tasks/${image.task.id}`} className="tile-link" draggable={false}>
        <ImageView image={image} variant="preview" alt={image.task.prompt} onBroken={onBroken} />
      </Link>
      <div className="tile-bar">
        <IconButton
          className="earlier"
          icon="left"
          {...labels('Move earlier')}
          disabled={place === 0}
          onClick={onEarlier}
        />
        <IconButton className="later" icon="right" {...labels('Move later')} disabled={isLast} onClick={onLater} />
        <IconButton className="take-off" icon="close" {...labels('Take off the board')} onClick={onTakeOff} />
      </div>
    </Tile>
  );
}

/** On which side of the tile a dragged image would fall. */
function sideOf({ clientX, currentTarget }: DragEvent): Place {
  const { left, width } = currentTarget.getBoundingClientRect();
  return clientX < left + width / 2 ? 'before' : 'after';
}

/** Very tall and very wide images are cropped, lest one takes a row for itself or has no room for its buttons. */
const ratioOf = ({ width, height }: BoardImage) => Math.min(Math.max(width / height, 0.6), 2.4);
