import { useCallback } from 'react';
import { showToast } from '../ui/Toaster';
import type { Board } from './boardList';
import { useBoardList } from './boards';

/** Puts an image on a board, and says so; answers with the problem, if there is one. */
export function usePutOnBoard() {
  const boards = useBoardList();
  return useCallback(
    async (board: Pick<Board, 'id' | 'title'>, imageId: string): Promise<string | null> => {
      const answer = await boards.add(board.id, imageId);
      if ('problem' in answer) return answer.problem;
      showToast(`Put on “${board.title}”.`);
      return null;
    },
    [boards],
  );
}
