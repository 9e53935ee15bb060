import java.time.Duration;

import com.azure.core.util.polling.SyncPoller;

abstract class Parts {
    static <T, U> SyncPoller<T, U> quick(SyncPoller<T, U> poller) {
        return poller.setPollInterval(Duration.ofMillis(50));
    }
}
