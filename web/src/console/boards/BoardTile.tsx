import type { DragEvent } from 'react';
import { Link } from 'wouter';
import { Tile } from '../gallery/Tile';
import { messages } from '../messages';
import { IconButton } from '../ui/IconButton';
import { startImageDrag } from '../ui/imageDrag';
import { ImageView } from '../ui/ImageView';
import type { BoardImage } from './openBoard';
import { useDropTarget, type DropPosition } from './useDropTarget';

export type Control = 'earlier' | 'later' | 'remove';

interface Props {
  image: BoardImage;
  /** Position on the board, from 0. */
  index: number;
  isLast: boolean;
  onBroken: () => void;
  onEarlier: () => void;
  onLater: () => void;
  onRemove: () => void;
  onDropImage: (imageId: string, side: DropPosition) => void;
}

export function BoardTile({ image, index, isLast, onBroken, onEarlier, onLater, onRemove, onDropImage }: Props) {
  const { dropPosition, dropHandlers } = useDropTarget(onDropImage, sideOf);
  const labels = (action: string) => ({
    label: messages.boards.actionOnImage(action, index + 1),
    title: action,
  });
  return (
    <Tile
      ratio={tileRatio(image)}
      className={dropPosition ? `image board-tile drop-${dropPosition}` : 'image board-tile'}
      data-image={image.id}
      draggable
      onDragStart={(event) => startImageDrag(event, image.id)}
      {...dropHandlers}
    >
      <Link href={`/tasks/${image.task.id}`} className="tile-link" draggable={false}>
        <ImageView image={image} variant="preview" alt={image.task.prompt} onBroken={onBroken} />
      </Link>
      <div className="tile-bar">
        <IconButton
          className="earlier"
          icon="left"
          {...labels(messages.boards.moveEarlier)}
          disabled={index === 0}
          onClick={onEarlier}
        />
        <IconButton
          className="later"
          icon="right"
          {...labels(messages.boards.moveLater)}
          disabled={isLast}
          onClick={onLater}
        />
        <IconButton className="remove" icon="close" {...labels(messages.boards.remove)} onClick={onRemove} />
      </div>
    </Tile>
  );
}

/** The side of the tile on which a dragged image would be dropped. */
function sideOf({ clientX, currentTarget }: DragEvent): DropPosition {
  const { left, width } = currentTarget.getBoundingClientRect();
  return clientX < left + width / 2 ? 'before' : 'after';
}

/** Crops very tall and very wide images, so that none fills a row or leaves no space for its buttons. */
const tileRatio = ({ width, height }: BoardImage) => Math.min(Math.max(width / height, 0.6), 2.4);
