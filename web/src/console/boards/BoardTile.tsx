import { useState, type DragEvent } from 'react';
import { Link } from 'wouter';
import { Tile } from '../gallery/Tile';
import { drag, droppedImage, isImageDrag } from '../ui/drag';
import { Icon, type IconName } from '../ui/Icon';
import { Picture } from '../ui/Picture';
import type { BoardImage } from './openBoard';

export type Control = 'earlier' | 'later' | 'take-off';
type Side = 'before' | 'after';

interface Props {
  image: BoardImage;
  /** Counted from 0. */
  place: number;
  isLast: boolean;
  onBroken: () => void;
  onEarlier: () => void;
  onLater: () => void;
  onTakeOff: () => void;
  onDropImage: (imageId: string, side: Side) => void;
}

const longestName = 60;

export function BoardTile({ image, place, isLast, onBroken, onEarlier, onLater, onTakeOff, onDropImage }: Props) {
  const { side, target } = useSides(onDropImage);
  const name = `image ${place + 1}, ${shorten(image.task.prompt)}`;
  return (
    <Tile
      ratio={ratioOf(image)}
      className={side ? `image board-tile drop-${side}` : 'image board-tile'}
      data-image={image.id}
      draggable
      onDragStart={(event) => drag(event, image.id)}
      {...target}
    >
      <Link href={`/tasks/${image.task.id}`} className="tile-link" draggable={false}>
        <Picture image={image} variant="preview" alt={image.task.prompt} onBroken={onBroken} />
      </Link>
      <div className="tile-bar">
        <Tool
          control="earlier"
          icon="left"
          label={`Move earlier: ${name}`}
          disabled={place === 0}
          onClick={onEarlier}
        />
        <Tool control="later" icon="right" label={`Move later: ${name}`} disabled={isLast} onClick={onLater} />
        <Tool control="take-off" icon="close" label={`Take off the board: ${name}`} onClick={onTakeOff} />
      </div>
    </Tile>
  );
}

interface ToolProps {
  control: Control;
  icon: IconName;
  label: string;
  disabled?: boolean;
  onClick: () => void;
}

function Tool({ control, icon, label, disabled, onClick }: ToolProps) {
  return (
    <button
      type="button"
      className={`icon-button ${control}`}
      aria-label={label}
      title={label.split(':')[0]}
      disabled={disabled}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  );
}

/** Which side of the tile a dragged image would fall on. */
function useSides(onDropImage: Props['onDropImage']) {
  const [side, setSide] = useState<Side | null>(null);
  const onDragOver = (event: DragEvent) => {
    if (!isImageDrag(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = 'move';
    setSide(sideOf(event));
  };
  const onDragLeave = (event: DragEvent) => {
    if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setSide(null);
  };
  const onDrop = (event: DragEvent) => {
    setSide(null);
    const imageId = droppedImage(event);
    if (!imageId) return;
    event.preventDefault();
    onDropImage(imageId, sideOf(event));
  };
  return { side, target: { onDragOver, onDragLeave, onDrop } };
}

function sideOf({ clientX, currentTarget }: DragEvent): Side {
  const { left, width } = currentTarget.getBoundingClientRect();
  return clientX < left + width / 2 ? 'before' : 'after';
}

/** Very tall and very wide images are cropped, lest one takes a row for itself or has no room for its buttons. */
const ratioOf = ({ width, height }: BoardImage) => Math.min(Math.max(width / height, 0.6), 2.4);

const shorten = (text: string) => (text.length > longestName ? `${text.slice(0, longestName)} …` : text);
