import type { DragEvent } from 'react';

const type = 'application/x-plantain-image';

/** The ids of images that are dragged within the page. */
export function startImageDrag(event: DragEvent, imageId: string) {
  event.dataTransfer.setData(type, imageId);
  event.dataTransfer.effectAllowed = 'copyMove';
}

/** Whether it is one of our images: what it is cannot be read before it is dropped. */
export const isImageDrag = (event: DragEvent) => event.dataTransfer.types.includes(type);

export const isFileDrag = (event: DragEvent) => event.dataTransfer.types.includes('Files');

export const droppedImage = (event: DragEvent): string | null => event.dataTransfer.getData(type) || null;
