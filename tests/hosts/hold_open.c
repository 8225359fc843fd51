/* Holds files open as most players do: others may read them, but neither write nor remove them. Says so, and ends with its input. */
#include <stdio.h>
#include <windows.h>

int wmain(int count, wchar_t **names)
{
  for (int index = 1; index < count; ++index)
  {
    HANDLE file = CreateFileW(names[index], GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
    if (file == INVALID_HANDLE_VALUE) return 1;
  }
  puts("held");
  fflush(stdout);
  while (getchar() != EOF) {}
  return 0;
}
