import { useCallback } from 'react';
import { showToast } from '../ui/Toaster';
import type { Board } from './boardList';
import { useBoardList } from './boards';

/** Puts an image on a board, and says so; resolves to an error message, or null. */
export function usePutOnBoard() {
  const boards = useBoardList();
  return useCallback(
    async (board: Pick<Board, 'id' | 'title'>, imageId: string): Promise<string | null> => {
      const answer = await boards.add(board.id, imageId);
      if ('errorMessage' in answer) return answer.errorMessage;
      showToast(`Put on “${board.title}”.`);
      return null;
    },
    [boards],
  );
}
