import { memo } from 'react';
import { isActive, type Task } from '../gateway/taskStore';
import { parseAspectRatio } from '../ui/aspectRatio';
import { ActiveTile } from './ActiveTile';
import { FailedTile } from './FailedTile';
import { ImageTile } from './ImageTile';
import { Tile } from './Tile';

/** One tile per stored or pending image, and one for a task that failed, or was canceled without images. */
export const TaskTiles = memo(function TaskTiles({ task }: { task: Task }) {
  const pendingCount = isActive(task) ? Math.max(task.requestedImages - task.images.length, 0) : 0;
  return (
    <>
      {task.images.map((image) => (
        <ImageTile key={image.id} task={task} image={image} />
      ))}
      {Array.from({ length: pendingCount }, (_, index) =>
        index === 0 ? (
          <ActiveTile key="first" task={task} />
        ) : (
          <Tile key={index} ratio={parseAspectRatio(task.aspectRatio)} className="pending" aria-hidden />
        ),
      )}
      {task.status === 'FAILED' && <FailedTile task={task} />}
      {task.status === 'CANCELED' && task.images.length === 0 && <FailedTile task={task} />}
    </>
  );
});
