import { useState, type DragEvent } from 'react';
import { droppedImage, isImageDrag } from '../ui/imageDrag';

export type Place = 'on' | 'before' | 'after';

/** Takes images that are dragged within the page. `over`: where one would fall. */
export function useDropTarget(
  onImage: (imageId: string, place: Place) => void,
  placeOf: (event: DragEvent) => Place = () => 'on',
) {
  const [over, setOver] = useState<Place | null>(null);
  const onDragOver = (event: DragEvent) => {
    if (!isImageDrag(event)) return;
    event.preventDefault();
    const place = placeOf(event);
    event.dataTransfer.dropEffect = place === 'on' ? 'copy' : 'move';
    setOver(place);
  };
  const onDragLeave = (event: DragEvent) => {
    if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOver(null);
  };
  const onDrop = (event: DragEvent) => {
    setOver(null);
    const imageId = droppedImage(event);
    if (!imageId) return;
    event.preventDefault();
    onImage(imageId, placeOf(event));
  };
  return { over, target: { onDragOver, onDragLeave, onDrop } };
}
