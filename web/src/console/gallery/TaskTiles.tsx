import { memo } from 'react';
import { isLive, type Task } from '../gateway/taskStore';
import { parseAspectRatio } from '../ui/aspectRatio';
import { FailedTile } from './FailedTile';
import { ImageTile } from './ImageTile';
import { LiveTile } from './LiveTile';
import { Tile } from './Tile';

/** One tile for each image that is there or awaited; one where there will be none. */
export const TaskTiles = memo(function TaskTiles({ task }: { task: Task }) {
  const awaited = isLive(task) ? Math.max(task.requestedImages - task.images.length, 0) : 0;
  return (
    <>
      {task.images.map((image) => (
        <ImageTile key={image.id} task={task} image={image} />
      ))}
      {Array.from({ length: awaited }, (_, index) =>
        index === 0 ? (
          <LiveTile key="first" task={task} />
        ) : (
          <Tile key={index} ratio={parseAspectRatio(task.aspectRatio)} className="awaited" aria-hidden />
        ),
      )}
      {task.status === 'FAILED' && <FailedTile task={task} />}
      {task.status === 'CANCELED' && task.images.length === 0 && <FailedTile task={task} />}
    </>
  );
});
