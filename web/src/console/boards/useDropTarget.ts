import { useState, type DragEvent } from 'react';
import { droppedImage, isImageDrag } from '../ui/imageDrag';

export type DropPosition = 'on' | 'before' | 'after';

/** Accepts images that are dragged within the page. `dropPosition` is where the dragged image would be dropped. */
export function useDropTarget(
  onImage: (imageId: string, position: DropPosition) => void,
  positionOf: (event: DragEvent) => DropPosition = () => 'on',
) {
  const [dropPosition, setDropPosition] = useState<DropPosition | null>(null);
  const onDragOver = (event: DragEvent) => {
    if (!isImageDrag(event)) return;
    event.preventDefault();
    const position = positionOf(event);
    event.dataTransfer.dropEffect = position === 'on' ? 'copy' : 'move';
    setDropPosition(position);
  };
  const onDragLeave = (event: DragEvent) => {
    if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setDropPosition(null);
  };
  const onDrop = (event: DragEvent) => {
    setDropPosition(null);
    const imageId = droppedImage(event);
    if (!imageId) return;
    event.preventDefault();
    onImage(imageId, positionOf(event));
  };
  return { dropPosition, dropHandlers: { onDragOver, onDragLeave, onDrop } };
}
