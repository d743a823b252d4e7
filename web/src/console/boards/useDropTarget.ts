import { useState, type DragEvent } from 'react';
import { droppedImage, isImageDrag } from '../ui/drag';

/** Takes images that are dragged within the page. `over` says that one would fall here. */
export function useDropTarget(onImage: (imageId: string) => void) {
  const [over, setOver] = useState(false);
  const onDragOver = (event: DragEvent) => {
    if (!isImageDrag(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = 'copy';
    setOver(true);
  };
  const onDragLeave = (event: DragEvent) => {
    if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOver(false);
  };
  const onDrop = (event: DragEvent) => {
    setOver(false);
    const imageId = droppedImage(event);
    if (!imageId) return;
    event.preventDefault();
    onImage(imageId);
  };
  return { over, target: { onDragOver, onDragLeave, onDrop } };
}
