// What the files share: steps, and the record of which methods the steps really called.

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ThreadLocalRandom;

import com.azure.core.exception.HttpResponseException;
import com.azure.core.http.rest.PagedFlux;
import com.azure.core.http.rest.PagedIterable;
import com.azure.core.util.Context;
import com.azure.core.util.polling.PollerFlux;

import reactor.core.publisher.Mono;

final class Proving {
    interface Proof {
        void run() throws Exception;
    }

    private static final Map<Class<?>, Class<?>> BOXES =
        Map.of(int.class, Integer.class, boolean.class, Boolean.class, long.class, Long.class);
    private static final Map<Object, Object> ASYNCHRONOUS = new IdentityHashMap<>();
    private static Set<String> called = new TreeSet<>();
    static boolean asynchronous; // whether calls go to the asynchronous clients
    static boolean failed;

    // Notes which asynchronous client belongs to a client; returns the latter.
    static <T> T pair(T client, Object asynchronousClient) {
        if (asynchronous) ASYNCHRONOUS.put(client, asynchronousClient);
        return client;
    }

    // Runs one part; what it called counts as proven when nothing failed.
    static void step(String about, Proof proof) {
        called = new TreeSet<>();
        try {
            proof.run();
            called.forEach(method -> System.out.println("ok " + method));
        } catch (Exception | AssertionError problem) {
            failed = true;
            System.err.println("FAILED " + about);
            problem.printStackTrace();
        }
    }

    // Calls a method of a client by its name and notes it. The first overload that takes the arguments is called.
    // Of a pair, the asynchronous client is called, and its answer awaited: its methods have the same names.
    @SuppressWarnings("unchecked")
    static <T> T call(Object client, String name, Object... arguments) throws Exception {
        Object target = ASYNCHRONOUS.getOrDefault(client, client);
        boolean waits = target.getClass().getSimpleName().contains("Async");
        String method = waits ? name.replaceFirst("^(getCryptography)(Client)$", "$1Async$2") : name;
        Object[] given = waits ? Arrays.stream(arguments).filter(one -> !(one instanceof Context)).toArray() : arguments;
        return (T) awaited(invoke(target, method, given));
    }

    private static Object invoke(Object target, String name, Object[] arguments) throws Exception {
        for (Method method : target.getClass().getMethods()) {
            if (method.getName().equals(name) && takes(method.getParameterTypes(), arguments)) {
                called.add(target.getClass().getSimpleName() + "." + name);
                try {
                    return method.invoke(target, arguments);
                } catch (InvocationTargetException problem) {
                    if (problem.getCause() instanceof Exception cause) throw cause;
                    throw problem;
                }
            }
        }
        throw new AssertionError("no " + name + " takes these arguments");
    }

    private static Object awaited(Object answer) {
        if (answer instanceof Mono<?> one) return one.block();
        if (answer instanceof PagedFlux<?> pages) return new PagedIterable<>(pages);
        if (answer instanceof PollerFlux<?, ?> poller) return poller.getSyncPoller();
        return answer;
    }

    private static boolean takes(Class<?>[] types, Object[] arguments) {
        if (types.length != arguments.length) return false;
        for (int index = 0; index < types.length; index++) {
            Class<?> type = BOXES.getOrDefault(types[index], types[index]);
            if (arguments[index] != null && !type.isInstance(arguments[index])) return false;
        }
        return true;
    }

    // Prints each public method of a client; of a pair, those of the asynchronous one.
    static void declare(Object client) {
        Class<?> kind = ASYNCHRONOUS.getOrDefault(client, client).getClass();
        for (Method method : kind.getDeclaredMethods()) {
            if (Modifier.isPublic(method.getModifiers()) && !method.isSynthetic()) {
                System.out.println("method " + kind.getSimpleName() + "." + method.getName());
            }
        }
    }

    static void check(boolean holds, String what) {
        if (!holds) throw new AssertionError("not so: " + what);
    }

    static void refused(int status, Proof proof) throws Exception {
        try {
            proof.run();
        } catch (HttpResponseException answer) {
            check(answer.getResponse().getStatusCode() == status, status + ", but " + answer.getMessage());
            return;
        }
        throw new AssertionError("not refused");
    }

    // A deletion may be complete a moment later.
    static void eventually(Proof succeeds) throws Exception {
        for (long end = System.nanoTime() + 20_000_000_000L;; Thread.sleep(50)) {
            try {
                succeeds.run();
                return;
            } catch (HttpResponseException problem) {
                if (System.nanoTime() > end) throw problem;
            }
        }
    }

    static String freshName() {
        byte[] random = new byte[6];
        ThreadLocalRandom.current().nextBytes(random);
        return "java-" + HexFormat.of().formatHex(random);
    }

    static <T> long count(Iterable<T> items, java.util.function.Predicate<T> wanted) {
        long found = 0;
        for (T item : items) if (wanted.test(item)) found++;
        return found;
    }
}
