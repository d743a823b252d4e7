import type { DragEvent } from 'react';

const type = 'application/x-plantain-image';

/** Starts dragging one of the viewer's images within the page. */
export function startImageDrag(event: DragEvent, imageId: string) {
  event.dataTransfer.setData(type, imageId);
  event.dataTransfer.effectAllowed = 'copyMove';
}

/** The data of a drag cannot be read before the drop, only its type. */
export const isImageDrag = (event: DragEvent) => event.dataTransfer.types.includes(type);

export const isFileDrag = (event: DragEvent) => event.dataTransfer.types.includes('Files');

export const droppedImage = (event: DragEvent): string | null => event.dataTransfer.getData(type) || null;
