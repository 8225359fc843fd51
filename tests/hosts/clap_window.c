// A CLAP host for Windows with one window, in which the plugin shows its editor. Compiled and run by tests/tests/windows.rs.
#include <clap/clap.h>
#include <stdio.h>
#include <string.h>
#include <windows.h>

static volatile LONG wantsCall;
static const clap_plugin_t* plugin;
static void request(const clap_host_t* host) { (void)host; }
static void requestCall(const clap_host_t* host) { (void)host; InterlockedExchange(&wantsCall, 1); }
static void guiHints(const clap_host_t* host) { (void)host; }
static bool guiResize(const clap_host_t* host, uint32_t w, uint32_t h) { (void)host; (void)w; (void)h; return true; }
static bool guiShow(const clap_host_t* host) { (void)host; return true; }
static void guiClosed(const clap_host_t* host, bool destroyed) { (void)host; (void)destroyed; }
static const clap_host_gui_t gui = {guiHints, guiResize, guiShow, guiShow, guiClosed};
static const void* extension(const clap_host_t* host, const char* id)
{
  (void)host;
  return strcmp(id, CLAP_EXT_GUI) == 0 ? &gui : NULL;
}
static const clap_host_t host = {CLAP_VERSION_INIT, NULL, "Window", "ResonantGen", "", "1", extension, request, request, requestCall};

static LRESULT CALLBACK onMessage(HWND window, UINT message, WPARAM w, LPARAM l)
{
  if (message == WM_TIMER && InterlockedExchange(&wantsCall, 0)) plugin->on_main_thread(plugin);
  if (message == WM_CLOSE) PostQuitMessage(0);
  return message == WM_CLOSE ? 0 : DefWindowProcW(window, message, w, l);
}

static int fail(const char* what) { fprintf(stderr, "%s\n", what); return 1; }

int main(int count, char** words)
{
  if (count != 2) return fail("give the path of a CLAP");
  HMODULE library = LoadLibraryA(words[1]);
  if (!library) return fail("it cannot be loaded");
  const clap_plugin_entry_t* entry = (const clap_plugin_entry_t*)(void*)GetProcAddress(library, "clap_entry");
  if (!entry || !entry->init(words[1])) return fail("it has no entry");
  const clap_plugin_factory_t* factory = entry->get_factory(CLAP_PLUGIN_FACTORY_ID);
  plugin = factory->create_plugin(factory, &host, factory->get_plugin_descriptor(factory, 0)->id);
  if (!plugin || !plugin->init(plugin)) return fail("it makes no instance");
  const clap_plugin_gui_t* editor = plugin->get_extension(plugin, CLAP_EXT_GUI);
  uint32_t width = 0, height = 0;
  if (!editor || !editor->create(plugin, CLAP_WINDOW_API_WIN32, false) || !editor->get_size(plugin, &width, &height))
    return fail("it has no window");
  WNDCLASSW kind = {0};
  kind.lpfnWndProc = onMessage;
  kind.lpszClassName = L"ResonantGenHost";
  RegisterClassW(&kind);
  HWND window = CreateWindowExW(0, kind.lpszClassName, L"ResonantGen host", WS_POPUP | WS_VISIBLE, 20, 20, width, height, NULL, NULL, NULL, NULL);
  clap_window_t parent = {CLAP_WINDOW_API_WIN32, {.win32 = window}};
  if (!editor->set_parent(plugin, &parent)) return fail("it does not move in");
  editor->show(plugin);
  SetTimer(window, 1, 16, NULL);
  printf("shown %u %u\n", width, height);
  fflush(stdout);
  MSG message;
  while (GetMessageW(&message, NULL, 0, 0) > 0)
  {
    TranslateMessage(&message);
    DispatchMessageW(&message);
  }
  editor->destroy(plugin);
  plugin->destroy(plugin);
  entry->deinit();
  return 0;
}
